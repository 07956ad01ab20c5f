"""Servers that stand still for a known reason under real load: the stall is found, and who stood still is told."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from plimsoll.profiling.advice.stalls import find_stalls
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.server import Load, ServerUnderTest, Stopwatch
from plimsoll.profiling.phases.open_loop import run_rate
from plimsoll.profiling.phases.start import wait_for_start
from plimsoll.profiling.result.stalls import StallResult
from plimsoll.profiling.run import profile
from plimsoll.profiling.session import Session, prepare
from support.patience import best_of_three, folders_below
from support.profile_runs import Notes, options_for, unexplained, written

ROWS = [f"row {number}" for number in range(5)]
EVERY_S, LENGTH_S, LOAD_S = 1.5, 0.4, 7.0
PLAIN = """
import time
def init(): pass
def run(data):
    time.sleep(0.003)
    return data
"""
SLEEPS_NOW_AND_THEN = f"""
import time
last = time.monotonic()
def init(): pass
def run(data):
    global last
    time.sleep(0.003)
    if time.monotonic() - last > {EVERY_S}:
        last = time.monotonic()
        time.sleep({LENGTH_S})
    return data
"""
HOLDS_THE_LOCK = f"""
import ctypes, threading, time
def hold():
    while True:
        time.sleep({EVERY_S} - {LENGTH_S})
        ctypes.PyDLL(None).usleep({round(LENGTH_S * 1e6)})
def init(): threading.Thread(target=hold, daemon=True).start()
def run(data):
    time.sleep(0.003)
    return data
"""


@contextlib.contextmanager
def running(folder: Path, script: str) -> Iterator[tuple[Session, ServerUnderTest]]:
    """One worker, warmed up."""
    setup = prepare(options_for(folder, script, ROWS, budget_s=60.0))
    with DriverClient(folder / "driver.log", None) as driver:
        session = Session(setup, Notes(), driver, Stopwatch(60.0))
        with session.server() as server:
            wait_for_start(server)
            session.aim(server)
            server.choose(Load(range(len(ROWS))))
            server.window(1, 0.3, 0.3, whole_passes=False)
            yield session, server


@contextlib.contextmanager
def stopping(pids: Sequence[int]) -> Iterator[None]:
    """These processes are stopped every so often for so long, until the block is over."""
    over = threading.Event()

    def stop_and_go() -> None:
        while not over.wait(EVERY_S - LENGTH_S):
            for number in (signal.SIGSTOP, signal.SIGCONT):
                for pid in pids:
                    os.kill(pid, number)
                if number == signal.SIGSTOP:
                    over.wait(LENGTH_S)

    thread = threading.Thread(target=stop_and_go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def nobody(server: ServerUnderTest) -> list[int]:
    return []


def worker(server: ServerUnderTest) -> list[int]:
    members = server.process.tree.members()
    return [one.pid for one in members if any(word.startswith("plimsoll.workers") for word in one.command_line)]


def front(server: ServerUnderTest) -> list[int]:
    workers = worker(server)
    return [one.parent_pid for one in server.process.tree.members() if one.pid in workers]


def everybody(server: ServerUnderTest) -> list[int]:
    return [one.pid for one in server.process.tree.members()]


def closed_loop(server: ServerUnderTest) -> None:
    server.begin("capacity", LOAD_S, steady=True)
    server.window(2, LOAD_S, LOAD_S, whole_passes=False)


def open_loop(server: ServerUnderTest) -> None:
    run_rate(server, 60.0, LOAD_S)


def stall_of(session: Session) -> StallResult:
    """The one of about the right length: neighbours on the machine may have caused others."""
    stalls = find_stalls(session.recorder.stretches, session.setup.options.configuration, math.inf)
    assert stalls
    return min(stalls, key=lambda stall: abs(stall.length_seconds - LENGTH_S))


@pytest.mark.parametrize("load", [closed_loop, open_loop])
@pytest.mark.parametrize(
    ("script", "stopped", "process"),
    [
        (SLEEPS_NOW_AND_THEN, nobody, "worker"),
        (HOLDS_THE_LOCK, nobody, "worker"),
        (PLAIN, worker, "worker"),
        (PLAIN, front, "front"),
        (PLAIN, everybody, "all"),
    ],
    ids=["run() sleeps", "a thread holds Python's lock", "worker stopped", "front stopped", "all stopped"],
)
def test_who_stood_still(
    tmp_path: Path,
    script: str,
    stopped: Callable[[ServerUnderTest], list[int]],
    process: str,
    load: Callable[[ServerUnderTest], None],
) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        with running(next(folders), script) as (session, server), stopping(stopped(server)):
            load(server)
        stall = stall_of(session)
        assert stall.length_seconds == pytest.approx(LENGTH_S, rel=0.2)
        assert stall.count >= 3
        assert stall.period_seconds is None or stall.period_seconds == pytest.approx(EVERY_S, rel=0.2)
        # Where no call happens to run while all are stopped, nothing tells that from a stopped front.
        assert stall.process == process or (process, stall.process, load) == ("all", "front", open_loop)

    best_of_three(measure)


def test_what_is_done_for_the_first_time_is_no_stall(tmp_path: Path) -> None:
    with running(tmp_path, SLEEPS_NOW_AND_THEN) as (session, server):
        server.begin("warm-up", 3.0)
        server.window(1, 3.0, 3.0, whole_passes=False)
        assert session.recorder.stretches == []
        server.limited = True
        run_rate(server, 50.0, 3.0)
        assert session.recorder.stretches == [], "nor where somebody else stops the server"


def test_a_whole_profile_names_it(tmp_path: Path) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        options = options_for(next(folders), SLEEPS_NOW_AND_THEN, ROWS, budget_s=16.0, verify=False)
        result = profile(options, Notes())
        stalls = [stall for stall in result.measurements.stalls if stall.length_seconds > LENGTH_S / 2]
        recommended = [one for one in stalls if one.recommended]
        assert len(recommended) == 1
        (stall,) = recommended
        assert stall.length_seconds == pytest.approx(LENGTH_S, rel=0.2)
        assert stall.process == "worker"
        assert stall.observed_seconds > 5
        assert all(0 < at_s < result.elapsed_seconds for at_s in stall.at_seconds)
        assert stall.sentence() in result.grade_reasons
        point = result.recommendation.operating_point
        assert point is not None
        assert (point.latency_seconds.max or 0.0) >= (point.latency_seconds.p95 or 0.0)
        assert unexplained(written(options)) == []

    best_of_three(measure)
