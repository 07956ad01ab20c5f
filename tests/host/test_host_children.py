"""Children are held to CPUs and control groups from their first instruction on, and end with whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from plimsoll.host.children import start_child, terminable
from support.descriptors import named_descriptors
from support.families import wait_all_ended

SAY_CPUS = [sys.executable, "-c", "import os; print(sorted(os.sched_getaffinity(0)))"]
STARTS_ONE = """
import signal, sys, time
from plimsoll.host.children import start_child
child = start_child([sys.executable, "-c", "import time; time.sleep(300)"], getattr(signal, sys.argv[1]))
print(child.pid, flush=True)
time.sleep(300)
"""
LEAVES = """
import time
from plimsoll.host.children import terminable
with terminable():
    try:
        print("in", flush=True)
        time.sleep(300)
    finally:
        print("out", flush=True)
"""


@pytest.mark.parametrize("cpus", [None, [], sorted(os.sched_getaffinity(0))[-1:]], ids=str)
def test_it_runs_on_the_cpus_that_were_asked_for(cpus: list[int] | None) -> None:
    child = start_child(SAY_CPUS, signal.SIGKILL, cpus, stdout=subprocess.PIPE)
    assert child.communicate(timeout=20)[0].decode() == f"{cpus or sorted(os.sched_getaffinity(0))}\n"


def test_it_writes_itself_into_every_group_before_it_is_another_program(tmp_path: Path) -> None:
    """0 stands for the process that writes it (cgroups(7)); by the time of its first line it must have joined."""
    doors = [tmp_path / "cpu", tmp_path / "memory"]
    for door in doors:
        door.touch()
    before = named_descriptors()
    source = "import sys; print([open(door).read() for door in sys.argv[1:]])"
    child = start_child(
        [sys.executable, "-c", source, *map(str, doors)], signal.SIGKILL, doors=doors, stdout=subprocess.PIPE
    )
    assert child.communicate(timeout=20)[0] == b"['0', '0']\n"
    assert not named_descriptors() - before


def test_a_group_that_is_not_there_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "cpu").touch()
    before = named_descriptors()
    with pytest.raises(FileNotFoundError):
        start_child([sys.executable, "-c", "pass"], signal.SIGKILL, doors=[tmp_path / "cpu", tmp_path / "gone"])
    assert not named_descriptors() - before


@pytest.mark.parametrize("ending", ["SIGKILL", "SIGTERM"])
def test_it_does_not_outlive_who_started_it(ending: str) -> None:
    """Not even one that is killed and can clean nothing up: prctl(2), PR_SET_PDEATHSIG."""
    starter = subprocess.Popen([sys.executable, "-c", STARTS_ONE, ending], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    child = psutil.Process(int(starter.stdout.readline()))
    starter.kill()
    starter.wait()
    starter.stdout.close()
    wait_all_ended([child], "the child")


def test_a_signal_to_end_leaves_every_block_on_the_way_out() -> None:
    process = subprocess.Popen([sys.executable, "-c", LEAVES], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    process.terminate()
    assert process.communicate(timeout=20)[0] == b"out\n"
    assert process.returncode == 128 + signal.SIGTERM


def test_what_was_done_for_the_signal_before_is_done_again_after() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with terminable():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_signals_are_left_alone() -> None:
    """Python sets handlers in the main thread only; whoever profiles in another one ends it in their own way."""
    seen: list[object] = []

    def run() -> None:
        with terminable():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
