"""The noise gate beside a real neighbour. Others may load the machine too, so nothing here needs it to be quiet.

Nor to be fast: how long the neighbour runs beside a measurement is said in its CPU time, which it waits for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from benchmarks.measure.accounts import Accounts
from benchmarks.measure.gate import Gate
from spinning import SPIN, server, tell

from plimsoll.host.cpu_clock import process_cpu_ns
from support.server import wait_for

CPUS = os.cpu_count() or 1
MUCH = 1000.0
NEIGHBOUR_S = 0.5
"""Where this takes them five seconds, two processors are still more disturbed than the gates here let pass."""


def _start_neighbour(seconds: float) -> int:
    """A process that spins, and whose parent has ended: it is nobody's child here."""
    program = f"{SPIN}\nspin({seconds})"
    line = f"exec {sys.executable} -c '{program}'"
    return int(subprocess.check_output(["setsid", "sh", "-c", f"({line}) >/dev/null 2>&1 & echo $!"], text=True))


def _wait_used(pids: list[int], seconds: float) -> None:
    """Until each has used so much more CPU; who has ended meanwhile has used all that it wanted."""
    goals_ns = {pid: (process_cpu_ns(pid) or 0) + seconds * 1e9 for pid in pids}
    wait_for(lambda: all((process_cpu_ns(pid) or goal) >= goal for pid, goal in goals_ns.items()), "CPU for neighbours")


@pytest.fixture
def neighbour() -> Iterator[int]:
    pid = _start_neighbour(600)
    _wait_used([pid], 0.1)
    yield pid
    os.kill(pid, signal.SIGKILL)  # fails where it did not run at all


@pytest.fixture
def idle_server() -> Iterator[int]:
    with server("input()") as root:
        yield root.pid
        root.communicate("\n")


def test_a_neighbour_disturbs_every_attempt(neighbour: int, idle_server: int) -> None:
    gate = Gate(most_disturbance=0.03, attempts=3, patience_s=0.0)
    calls: list[float] = []

    def action() -> int:
        calls.append(time.monotonic())
        _wait_used([neighbour], NEIGHBOUR_S)
        return len(calls)

    measured = gate.measure(idle_server, action)
    assert (len(calls), measured.quiet) == (3, False)
    # Others may want the processors as well, who are neighbours too.
    assert measured.usage.other_s >= NEIGHBOUR_S
    assert measured.value == measured.attempts


def test_a_neighbour_that_ends_costs_attempts_only_while_it_runs(idle_server: int) -> None:
    """A machine that others load as well may need more of them, never fewer."""
    gate = Gate(most_disturbance=0.1, attempts=4, patience_s=0.0)
    calls: list[int] = []

    def action() -> None:
        calls.append(1)
        if len(calls) == 1:
            _wait_used([_start_neighbour(1.5) for _ in range(CPUS)], NEIGHBOUR_S)
        else:
            time.sleep(1.0)

    measured = gate.measure(idle_server, action)
    assert len(calls) >= 2
    assert measured.attempts >= 2


def test_the_load_itself_is_no_disturbance() -> None:
    """Whoever counted it twice would find more CPU time used than the machine has."""
    source = "input(); print(flush=True); input(); spin(1.0); print(flush=True); input()"
    spinners = [server(source) for _ in range(CPUS)]
    for spinner in spinners:
        tell(spinner)
    accounts = Accounts(spinners[0].pid)
    for spinner in spinners[1:]:
        assert spinner.stdin
        spinner.stdin.write("\n")
        spinner.stdin.flush()
    tell(spinners[0])
    usage = accounts.usage()
    for spinner in spinners:
        spinner.kill()
        spinner.communicate()
    assert usage.server_s == pytest.approx(1.0, abs=0.1)
    assert usage.server_s + usage.client_s + usage.other_s < 1.1 * usage.capacity_s


def test_a_start_that_was_disturbed_is_ended_before_the_next(neighbour: int) -> None:
    events: list[str] = []

    def begin() -> int:
        events.append("begin")
        _wait_used([neighbour], NEIGHBOUR_S)
        return len(events)

    gate = Gate(most_disturbance=0.03, attempts=2, patience_s=0.0)
    measured = gate.measure_start(begin, lambda started: events.append("end"))
    assert events == ["begin", "end", "begin"]
    assert (measured.value, measured.quiet, measured.attempts) == (3, False, 2)


def test_what_is_quiet_is_measured_once(idle_server: int) -> None:
    calls: list[int] = []
    measured = Gate(most_disturbance=MUCH).measure(idle_server, lambda: calls.append(1))
    assert (len(calls), measured.quiet, measured.attempts) == (1, True, 1)
