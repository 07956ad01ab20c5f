"""What a meter reads of a real tree: CPU and memory that a child was told to use, peaks, children that have ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll.host.memory import GroupMemory
from plimsoll.host.processes import ProcessTree
from plimsoll.profiling.measure.meter import FRONT, ServerMeter, TreeMemory
from support.server import wait_for

MB = 1_000_000
# Obeys: `burn S` of CPU, `hold B` bytes, `touch B` bytes for a moment, `child` that is called like a worker, `reap` it.
OBEDIENT = """
import subprocess, sys, time
held, children = [], []
def burn(seconds):
    end = time.process_time() + float(seconds)
    while time.process_time() < end: pass
def hold(size): held.append(b"x" * int(size))
def touch(size): len(b"x" * int(size))
def child(seconds):
    source = f"import sys, time\\nwhile time.process_time() < {seconds}: pass\\n"
    source += "print('burnt', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", source, "plimsoll.workers.child.main"]
    children.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    children[-1].stdout.readline()
def reap(_):
    children.pop().communicate()
for line in sys.stdin:
    word, _, argument = line.strip().partition(" ")
    globals()[word](argument)
    print("done", flush=True)
"""


class Obedient:
    """A process that uses what it is told to, and a meter on its tree."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OBEDIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.meter = ServerMeter(ProcessTree(self.process.pid))

    def tell(self, order: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def obedient() -> Iterator[Obedient]:
    made = Obedient()
    made.tell("burn 0")
    yield made
    ProcessTree(made.process.pid).end(0.2, made.process.poll)
    made.process.communicate()


def test_cpu_is_counted_to_whom_it_belongs(obedient: Obedient) -> None:
    before = obedient.meter.cpu_ns()
    assert set(before) == {FRONT}
    obedient.tell("burn 0.3")
    obedient.tell("child 0.2")
    after = obedient.meter.cpu_ns()
    assert after[FRONT] - before[FRONT] >= 0.3e9
    assert after["worker 0"] >= 0.2e9
    assert obedient.meter.total_cpu_s() == pytest.approx(sum(after.values()) / 1e9, abs=0.05)


def test_what_has_ended_keeps_its_time(obedient: Obedient) -> None:
    """A worker that is replaced must not take its CPU with it: totals never go down."""
    obedient.tell("child 0.2")
    known = obedient.meter.cpu_ns()["worker 0"]
    obedient.tell("reap")
    after = obedient.meter.cpu_ns()
    assert after["worker 0"] >= known >= 0.2e9
    obedient.tell("child 0.1")
    assert obedient.meter.cpu_ns()["worker 1"] >= 0.1e9, "its successor is another one"
    assert obedient.meter.cpu_ns()["worker 0"] >= known


def test_around_one_request_only_the_known_are_read(obedient: Obedient) -> None:
    obedient.meter.refresh()
    obedient.tell("child 0.2")
    assert obedient.meter.known_cpu_s() < obedient.meter.total_cpu_s() - 0.15
    assert obedient.meter.known_cpu_s() >= 0.2, "from then on it is known"
    assert len(obedient.meter.pids()) == 2


def test_memory_that_is_held_is_seen(obedient: Obedient) -> None:
    before = obedient.meter.memory()
    anonymous = obedient.meter.anonymous_bytes()
    obedient.tell(f"hold {50 * MB}")
    after = obedient.meter.memory()
    assert 50 * MB <= after.total.private_bytes - before.total.private_bytes < 60 * MB
    assert 50 * MB <= after.total.held_bytes - before.total.held_bytes < 60 * MB
    assert anonymous is not None
    assert 50 * MB <= (obedient.meter.anonymous_bytes() or 0) - anonymous < 60 * MB
    assert obedient.meter.known_resident_bytes() >= 50 * MB
    assert obedient.meter.held_share is not None
    assert 0 < obedient.meter.held_share <= 1


def test_a_spike_is_in_the_peak_until_it_is_reset(obedient: Obedient) -> None:
    obedient.meter.reset_peaks()
    at_rest = obedient.meter.known_peaks_bytes()
    obedient.tell(f"touch {80 * MB}")
    assert obedient.meter.known_peaks_bytes() - at_rest >= 78 * MB, "the kernel counts some pages late"
    memory = obedient.meter.memory().total
    assert memory.peak_bytes - memory.held_bytes >= 75 * MB
    obedient.meter.reset_peaks()
    if obedient.meter.peak_unknown is None:
        assert obedient.meter.known_peaks_bytes() - at_rest < 40 * MB


def test_threads_of_workers_are_read_and_not_those_of_the_front(obedient: Obedient) -> None:
    obedient.tell("child 0.1")
    obedient.meter.refresh()
    ((_, threads),) = obedient.meter.worker_threads_ns().items()
    assert max(threads.values()) >= 0.1e9


def test_a_tree_that_is_gone_uses_nothing_more(obedient: Obedient) -> None:
    obedient.tell("burn 0.2")
    used_s = obedient.meter.total_cpu_s()
    ProcessTree(obedient.process.pid).end(0.2, obedient.process.poll)
    wait_for(lambda: not Path(f"/proc/{obedient.process.pid}").exists(), "end")
    assert obedient.meter.total_cpu_s() == pytest.approx(used_s, abs=0.02)
    assert obedient.meter.memory().total == GroupMemory(0, 0, 0, 0, 0, 0, 0)
    assert obedient.meter.anonymous_bytes() is None
    assert obedient.meter.known_peaks_bytes() == obedient.meter.known_resident_bytes() == 0
    assert obedient.meter.memory_unknown is None, "nobody is there to be asked: the kernel hides nothing"


def test_one_more_worker_takes_what_the_biggest_has_for_itself() -> None:
    def group(private_bytes: int) -> GroupMemory:
        return GroupMemory(0, 0, private_bytes, 0, 0, 0, 0)

    roles = {FRONT: group(900), "worker 0": group(100), "worker 1": group(300)}
    assert TreeMemory(group(1300), roles).worker_bytes() == 300
    assert TreeMemory(group(900), {FRONT: group(900)}).worker_bytes() == 0


def test_this_process_is_not_in_the_tree(obedient: Obedient) -> None:
    obedient.meter.refresh()
    assert os.getpid() not in obedient.meter.pids()
    assert obedient.process.pid in obedient.meter.pids()
