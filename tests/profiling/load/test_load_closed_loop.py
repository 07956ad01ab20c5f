"""The closed loop: as many in flight as connections, until the time, the pass or the number of requests is over."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from plimsoll.profiling.load.loops import ClosedLoop, Until
from plimsoll.profiling.load.pool import Pool
from plimsoll.profiling.load.requests import Requests, RowOrder
from plimsoll.profiling.load.sender import Target
from support.raw_server import Said, ok, raw_server


def request_of(row: int) -> bytes:
    body = b"%d" % row
    return b"POST /score HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Counting:
    """Answers after a while, and knows how many it was asked at once."""

    def __init__(self, pause_s: float) -> None:
        self.pause_s, self.now, self.most = pause_s, 0, 0
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> Said:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.pause_s)
        with self._lock:
            self.now -= 1
        return Said((ok(body),))


def run(
    until: Until, connections: int = 2, rows: int = 5, pause_s: float = 0.001
) -> tuple[dict[str, Any], list[bytes]]:
    """One stretch; also what the server was sent, in order."""
    counting = Counting(pause_s)

    async def stretch() -> dict[str, Any]:
        pool = Pool(Target("127.0.0.1", server.port, 5.0))
        pool.bound(connections)
        prepared = Requests([request_of(row) for row in range(rows)], {})
        message = await ClosedLoop(pool, connections, prepared, RowOrder(range(rows), 1), until).run()
        pool.bound(0)
        return message

    with raw_server(counting) as server:
        message = asyncio.run(stretch())
    assert counting.most <= connections
    return message, server.requests


@pytest.mark.parametrize("requests", [1, 2, 7, 50])
def test_exactly_so_many_requests(requests: int) -> None:
    message, seen = run(Until(0, 0, requests=requests))
    assert message["requests"] == message["successes"] == len(seen) == requests


@pytest.mark.parametrize("connections", [1, 3, 8])
def test_a_stretch_of_whole_passes_ends_with_one(connections: int) -> None:
    message, seen = run(Until(0.1, 30.0, whole_passes=True), connections)
    assert message["wholePasses"]
    assert len(seen) == message["requests"]
    assert {seen.count(b"%d" % row) for row in range(5)} == {len(seen) // 5}
    assert message["elapsedSeconds"] >= 0.1


def test_a_pass_that_takes_too_long_is_cut_off_and_that_is_said() -> None:
    message, seen = run(Until(0.05, 0.15, whole_passes=True), 1, rows=10_000)
    assert not message["wholePasses"]
    assert 0 < len(seen) == message["requests"] < 10_000


def test_what_is_under_way_is_waited_for() -> None:
    """Two requests of 0.3 s, and time for a tenth of that: both are answered and counted."""
    message, seen = run(Until(0.03, 0.03), 2, pause_s=0.3)
    assert message["outcomes"] == {"200": 2}
    assert len(seen) == 2
    assert message["elapsedSeconds"] >= 0.3


@pytest.mark.parametrize("connections", [1, 4])
def test_littles_law_holds_of_what_is_counted(connections: int) -> None:
    """L = λ · W, with all connections busy from the first request to the last."""
    message, _ = run(Until(0.5, 0.5), connections, pause_s=0.005)
    mean_s = message["latencySumSeconds"] / message["successes"]
    rate_rps = message["successes"] / message["elapsedSeconds"]
    assert rate_rps * mean_s == pytest.approx(connections, rel=0.15)
    assert message["failureLatencySumSeconds"] == 0.0
    assert message["responseBytes"] == message["requests"], "one byte each"
