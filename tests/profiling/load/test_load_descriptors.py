"""Out of descriptors: the load driver loses nothing it can avoid, counts what it lost, and judges nobody by it."""

from __future__ import annotations

import errno
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from plimsoll.host.descriptors import open_descriptors
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.load.loops import Arrivals
from plimsoll.profiling.load.sender import outcome_of
from plimsoll.profiling.measure.metrics import MOST_CONNECTIONS, ConnectionBudget, budget_connections
from plimsoll.profiling.run import profile
from support.little_server import LittleServer, little_server
from support.patience import best_of_three, folders_below
from support.profile_runs import ECHO, Notes, options_for, unexplained, written

NO_MORE = 3
"""A soft limit of stdin, stdout and stderr: whatever is open stays open, nothing can be added."""
TOO_MANY = "Too many open files"
# Slow enough for a machine's own pauses not to fill the server's queue.
SLOW = """
import time
def init(): pass
def run(data):
    time.sleep(0.002)
    return data
"""


def nothing() -> None:
    """Nobody listens to ticks here."""


def limit_descriptors(pid: int, soft: int) -> int:
    """As `prlimit --nofile=SOFT:` does from another shell; returns the soft limit that was."""
    found, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    return found


def driver_pid() -> int:
    """Of the only load driver that this process has started."""
    (pid,) = [child.pid for child in psutil.Process().children() if "plimsoll.profiling.load.driver" in child.cmdline()]
    return pid


@contextmanager
def driven(folder: Path, *bodies: str, timeout_s: float = 20.0) -> Iterator[tuple[LittleServer, DriverClient]]:
    (folder / "rows.txt").write_text("\n".join(bodies))
    with little_server() as server, DriverClient(folder / "driver.log", None) as driver:
        driver.open(load_dataset(folder / "rows.txt").rows, server.server_address[1], timeout_s, seed=1)
        yield server, driver


def test_the_driver_raises_its_soft_limit_to_the_hard_one(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_descriptors() + 30, hard))
    try:
        with driven(tmp_path, "plain") as (_, driver):
            assert resource.prlimit(driver.pid, resource.RLIMIT_NOFILE) == (hard, hard)
            assert driver.most_connections > hard - 60
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_are_made_as_they_are_needed(tmp_path: Path) -> None:
    """300 requests a second, one after the other: the few that were made beforehand are enough."""
    with driven(tmp_path, "plain") as (server, driver):
        answer = driver.rate(Arrivals(300.0, 2.0, 1, 900), connections=8, most_connections=1024, on_tick=nothing)
    assert answer.load.outcomes == {"200": answer.offered}
    assert server.connections == max(8, answer.most_in_flight + 1)


def test_more_in_flight_than_descriptors_wait_and_none_is_lost(tmp_path: Path) -> None:
    """Forty-eight requests in flight through some thirty connections: the rest waits, and its latency shows it."""
    with driven(tmp_path, "sleep 0.2") as (server, driver):
        limit_descriptors(driver.pid, 64)
        arrivals = Arrivals(240.0, 1.5, 1, 1000)
        answer = driver.rate(arrivals, connections=8, most_connections=1024, on_tick=nothing)
    assert answer.load.outcomes == {"200": answer.offered}
    assert answer.load.requests == server.seen.total() == 360
    assert server.connections < 64
    assert server.most_at_once <= server.connections
    assert 0 < answer.waited < answer.offered
    assert answer.lateness.count == answer.offered - answer.waited
    longest_s = answer.load.latency.max_s()
    assert longest_s is not None
    assert longest_s > 0.25, "0.2 s in the server and the time in which no connection was free"


def test_the_bound_that_the_profiler_gives_is_kept(tmp_path: Path) -> None:
    with driven(tmp_path, "sleep 0.1") as (server, driver):
        answer = driver.rate(Arrivals(100.0, 1.0, 1, 500), connections=8, most_connections=5, on_tick=nothing)
    assert server.connections == 5
    assert answer.load.outcomes == {"200": 100}
    assert answer.waited > 0


def test_what_the_driver_could_not_send_is_not_the_servers_fault(tmp_path: Path) -> None:
    """Every request needs a new connection here; in the middle no more can be made."""
    with driven(tmp_path, "close") as (server, driver):
        found: list[int] = []

        def lower() -> None:
            if not found:
                found.append(limit_descriptors(driver.pid, NO_MORE))

        lost = driver.rate(Arrivals(50.0, 1.5, 1, 500), connections=4, most_connections=64, on_tick=lower)
        seen = server.seen.total()
        limit_descriptors(driver.pid, found[0])
        again = driver.rate(Arrivals(50.0, 1.0, 1, 500), connections=4, most_connections=64, on_tick=nothing)
    assert set(lost.load.outcomes) == {"200", "driver"}
    assert lost.load.requests == lost.load.outcomes["200"] + lost.load.outcomes["driver"] == lost.offered
    assert lost.load.lost_by_driver == lost.load.outcomes["driver"]
    assert lost.load.outcomes["200"] == seen
    assert lost.load.driver_error == TOO_MANY
    assert again.load.outcomes == {"200": again.offered}
    assert again.load.driver_error is None
    assert not (tmp_path / "driver.log").exists(), "nothing was raised out of the loop"


def test_a_closed_loop_with_more_connections_than_descriptors(tmp_path: Path) -> None:
    with driven(tmp_path, "sleep 0.02") as (server, driver):
        limit_descriptors(driver.pid, 40)
        answer = driver.load(64, 0.5, 0.5, whole_passes=False, on_tick=nothing)
    assert set(answer.outcomes) == {"200", "driver"}
    assert answer.requests == sum(answer.outcomes.values())
    assert answer.outcomes["200"] == server.seen.total()
    assert answer.connections == 64
    assert 0 < server.connections < 40


def test_a_server_that_closes_at_once_ends_every_request_as_closed(tmp_path: Path) -> None:
    """As a server does that accepts without a descriptor to spare: the connection is lost while it is being made."""
    (tmp_path / "rows.txt").write_text("plain")
    with socket.create_server(("127.0.0.1", 0)) as listener, DriverClient(tmp_path / "driver.log", None) as driver:
        thread = threading.Thread(target=slam, args=(listener,))
        thread.start()
        driver.open(load_dataset(tmp_path / "rows.txt").rows, listener.getsockname()[1], 30.0, seed=1)
        answer = driver.load(8, 1.0, 1.0, whole_passes=False, on_tick=nothing)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert set(answer.outcomes) <= {"closed", "refused"}
    assert answer.outcomes["closed"] >= 8
    assert answer.elapsed_s < 15, "none of them hung until its timeout"
    assert not (tmp_path / "driver.log").exists(), "nothing was raised out of the loop"


def slam(listener: socket.socket) -> None:
    """Accepts and resets, until the listener is shut down."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.EMFILE, "driver"),
        (errno.ENFILE, "driver"),
        (errno.ENOBUFS, "driver"),
        (errno.EADDRNOTAVAIL, "driver"),
        (errno.ECONNREFUSED, "refused"),
        (errno.ECONNRESET, "refused"),
        (errno.ETIMEDOUT, "timeout"),
    ],
)
def test_whose_fault_it_is_that_there_is_no_connection(number: int, outcome: str) -> None:
    """As connect(2) and socket(2) explain their errors; with EADDRNOTAVAIL all ephemeral ports are in use."""
    assert outcome_of(OSError(number, os.strerror(number))) == outcome


def test_the_budget_is_the_smaller_of_both_sides() -> None:
    assert ConnectionBudget(5000).most == MOST_CONNECTIONS
    assert not ConnectionBudget(5000).bounds
    assert ConnectionBudget(200, 900).most == ConnectionBudget(900, 200).most == 200
    assert "200 connections" in ConnectionBudget(200).sentence()
    assert "ulimit -n 4096" in ConnectionBudget(200).sentence()
    assert budget_connections(900, "plimsoll_connections_limit 110.0\n") == ConnectionBudget(900, 96)
    assert budget_connections(900, "plimsoll_slots 1.0\n") == ConnectionBudget(900), "it does not say"


class Starving(Notes):
    """Takes the driver's descriptors away when a phase begins; `lasting` or until something is measured once more."""

    def __init__(self, phase: str, lasting: bool) -> None:
        super().__init__()
        self._phase, self._lasting, self._found = phase, lasting, 0

    def phase(self, name: str, total_s: float) -> None:
        super().phase(name, total_s)
        if name == self._phase:
            self._found = limit_descriptors(driver_pid(), NO_MORE)
        elif self._found:
            limit_descriptors(driver_pid(), self._found)

    def note(self, text: str) -> None:
        super().note(text)
        if "once more" in text and not self._lasting:
            limit_descriptors(driver_pid(), self._found)


@pytest.mark.parametrize("phase", ["census", "capacity"])
def test_what_the_driver_lost_is_measured_once_more(tmp_path: Path, phase: str) -> None:
    notes = Starving(phase, lasting=False)
    options = options_for(tmp_path, SLOW, ["1", "2", "3"], budget_s=8.0)
    result = profile(options, notes)
    assert any(TOO_MANY in note for note in notes.notes)
    assert (result.state, result.error) == ("Succeeded", None)
    assert [warning for warning in result.warnings if TOO_MANY in warning or "driver" in warning] == []
    assert len(result.measurements.concurrency_levels) >= 2
    assert {outcome for level in result.measurements.concurrency_levels for outcome in level.outcomes} == {"200"}
    assert result.azureml.success_rate == 1.0


def test_a_level_that_cannot_be_measured_is_left_out(tmp_path: Path) -> None:
    options = options_for(tmp_path, SLOW, ["1", "2", "3"], budget_s=10.0)
    result = profile(options, Starving("capacity", lasting=True))
    levels = result.measurements.concurrency_levels
    assert [(level.connections, set(level.outcomes)) for level in levels] == [(1, {"200"})]
    assert TOO_MANY in result.driver.capacity_stopped
    assert result.state == "Succeeded"
    assert result.recommendation.cpu is not None
    assert result.measurements.operating_level is not None
    assert result.measurements.operating_level.outcomes.keys() == {"200"}


def test_a_driver_that_can_send_nothing_blames_no_row(tmp_path: Path) -> None:
    options = options_for(tmp_path, ECHO, ["1", "2", "3"], budget_s=6.0)
    result = profile(options, Starving("census", lasting=True))
    assert result.state == "Failed"
    assert result.error is not None
    assert result.error.code == "driver_lost"
    assert TOO_MANY in result.error.message
    assert result.measurements.rows.failed == []
    assert unexplained(written(options)) == []


def test_a_low_limit_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    """A hard limit of 256, as some containers have: one line, the right answer, and no warning in the profile.

    The script is slow enough for a machine's own pauses never to bring more than 96 requests together.
    """
    folders = folders_below(tmp_path)

    def measure() -> None:
        options = options_for(next(folders), SLOW, ["1", "2", "3"])
        command = f"{sys.executable} -m plimsoll {' '.join(options.server_arguments)} --profile {options.dataset}"
        run = subprocess.run(
            ["bash", "-c", f"ulimit -n 256 && exec {command} --budget 8 --output {options.output_dir}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        said = [place for place, line in enumerate(run.stderr.splitlines()) if "ulimit -n" in line]
        assert len(said) == 1
        assert "profile: census" in run.stderr.splitlines()[said[0] + 1]
        content = json.loads((options.output_dir / "profile.json").read_text())
        levels = [*content["measurements"]["concurrencyLevels"], content["measurements"]["operatingLevel"]]
        assert {outcome for level in levels for outcome in level["outcomes"]} == {"200"}
        # The median: how many requests there are, and so which percentiles, depends on the machine.
        assert content["recommendation"]["operatingPoint"]["latencySeconds"]["p50"] is not None
        assert [warning for warning in content["warnings"] if "ulimit" in warning] == []

    best_of_three(measure)
