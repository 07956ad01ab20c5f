"""The load driver against real servers that stand still: what it says of late answers, and what it keeps to itself."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.load.client import DriverClient, LoadAnswer
from plimsoll.profiling.load.loops import Arrivals
from support.fixtures import Serve
from support.patience import best_of_three
from support.server import Server

STANDS_STILL = """
    import time
    def init():
        global last
        last = time.monotonic()
    def run(data):
        global last
        if time.monotonic() - last > 1.0:
            last = time.monotonic()
            time.sleep(0.3)
        time.sleep(0.2 if data == "expensive" else 0.001)
        return data
"""


@contextmanager
def driver_of(server: Server, folder: Path, *bodies: str) -> Iterator[DriverClient]:
    """Every row has been sent once, alone."""
    (folder / "rows.txt").write_text("\n".join(bodies))
    with DriverClient(folder / "driver.log", None) as driver:
        driver.open(load_dataset(folder / "rows.txt").rows, server.port, 5.0, seed=1)
        for row in range(len(bodies)):
            driver.send_row(row, lambda: None)
        yield driver


def at_random(driver: DriverClient, rate_rps: float, seconds: float) -> LoadAnswer:
    arrivals = Arrivals(rate_rps, seconds, 1, 500)
    return driver.rate(arrivals, connections=8, most_connections=100, on_tick=lambda: None).load


def in_turn(driver: DriverClient, seconds: float) -> LoadAnswer:
    return driver.load(1, seconds, seconds, whole_passes=False, on_tick=lambda: None)


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_a_server_that_stands_still_every_second(serve: Serve, tmp_path: Path, loop: str) -> None:
    with driver_of(serve(STANDS_STILL), tmp_path, "a", "b", "c") as driver:

        def measure() -> None:
            begun_s = time.monotonic()
            answer = in_turn(driver, 5.5) if loop == "closed" else at_random(driver, 100.0, 5.5)
            long = [burst for burst in answer.bursts if burst.seconds > 0.2]
            assert 4 <= len(long) <= 6
            assert statistics.median(burst.seconds for burst in long) == pytest.approx(0.3, rel=0.15)
            distances_s = [later.at_s - one.at_s for one, later in pairwise(long)]
            assert statistics.median(distances_s) == pytest.approx(1.0, rel=0.1)
            assert begun_s <= answer.begun_s <= long[0].at_s <= begun_s + 1.5, "by the clock that all processes have"
            if loop == "open":
                assert max(burst.answers for burst in long) > 10, "all who came meanwhile were late"

        best_of_three(measure)


def test_an_expensive_row_is_no_stall(serve: Serve, tmp_path: Path) -> None:
    script = STANDS_STILL.replace("> 1.0", "> 1000")
    with driver_of(serve(script), tmp_path, "expensive", *"abcdefghi") as driver:

        def measure() -> None:
            answers = [in_turn(driver, 3.0), at_random(driver, 25.0, 4.0)]
            assert max(answer.latency.max_s() or 0.0 for answer in answers) > 0.2
            assert [burst for answer in answers for burst in answer.bursts if burst.seconds > 0.15] == []

        best_of_three(measure)


def test_a_driver_that_was_stopped_blames_nobody(serve: Serve, tmp_path: Path) -> None:
    with driver_of(serve(STANDS_STILL.replace("> 1.0", "> 1000")), tmp_path, "a") as driver:

        def measure() -> None:
            stopped = threading.Thread(target=stop_for_half_a_second, args=(driver.pid,))
            stopped.start()
            answer = at_random(driver, 100.0, 2.0)
            stopped.join()
            assert (answer.latency.max_s() or 0.0) > 0.4, "the requests that were due meanwhile"
            assert [burst for burst in answer.bursts if burst.seconds > 0.2] == []

        best_of_three(measure)


def stop_for_half_a_second(pid: int) -> None:
    """One after the other: of two timers the second may ring first on a busy machine, and the process stays stopped."""
    time.sleep(0.5)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(pid, signal.SIGCONT)
