"""Answers that nobody asked for: they are not taken for those of the next request, and the connection is given up.

RFC 9112, section 9.2: what comes while no request is outstanding must not be considered a response, and the client
should close the connection, as nobody knows any more where a message begins. Else every request after that would be
timed by the answer of the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from plimsoll.profiling.dataset.rows import TEXT_TYPE, Row
from plimsoll.profiling.load.client import DriverClient
from support.raw_server import RawServer, Said, ok, raw_server
from support.server import wait_for

FIRST, SURPLUS, SECOND = ok(b"one"), ok(b"surplus"), ok(b"the second")


@contextmanager
def driven(folder: Path, answer: Callable[[bytes], Said]) -> Iterator[tuple[RawServer, DriverClient]]:
    rows = [Row(1, b"first", TEXT_TYPE), Row(2, b"second", TEXT_TYPE)]
    with raw_server(answer) as server, DriverClient(folder / "driver.log", None) as driver:
        driver.open(rows, server.port, 20.0, seed=1)
        yield server, driver


def wait_given_up(driver: DriverClient, server: RawServer) -> None:
    """Until the driver has read all that came, and so has no connection any more."""
    process = psutil.Process(driver.pid)

    def connected() -> bool:
        return any(one.raddr and one.raddr.port == server.port for one in process.net_connections("tcp"))

    wait_for(lambda: not connected(), "the end of the driver's connection")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(Said((FIRST + SURPLUS,)), id="with the answer"),
        pytest.param(Said((FIRST, SURPLUS)), id="a little later"),
        pytest.param(Said((FIRST, SURPLUS[:-3])), id="and not all of it"),
        pytest.param(Said((FIRST + SURPLUS[:20], SURPLUS[20:])), id="partly with the answer"),
        pytest.param(Said((FIRST + b"0",)), id="a byte too many"),
        pytest.param(Said((FIRST, b"HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n"), "close"), id="a farewell"),
    ],
)  # fmt: skip
def test_what_comes_between_two_requests_belongs_to_neither(tmp_path: Path, said: Said) -> None:
    with driven(tmp_path, lambda body: said if body == b"first" else Said((SECOND,))) as (server, driver):
        first = driver.send_row(0, lambda: None)
        wait_given_up(driver, server)
        second = driver.send_row(1, lambda: None)
    assert [(answer.outcome, answer.response_bytes) for answer in (first, second)] == [("200", 3), ("200", 10)]
    assert server.connections == 2


def test_a_server_that_answers_everything_twice_is_not_twice_as_fast(tmp_path: Path) -> None:
    with driven(tmp_path, lambda _: Said((FIRST + SURPLUS,))) as (_, driver):
        answer = driver.load(1, 1.0, 1.0, whole_passes=False, on_tick=lambda: None)
    assert set(answer.outcomes) <= {"200", "closed"}
    assert answer.outcomes["200"] > 1
    assert answer.response_bytes == 3 * answer.outcomes["200"], "no surplus counts as an answer"
    assert answer.latency.count == answer.successes == answer.outcomes["200"]


@pytest.mark.parametrize("blank", [b"\r\n", b"\r\n\r\n"])
def test_line_ends_between_answers_are_passed_over(tmp_path: Path, blank: bytes) -> None:
    """The one exception that section 9.2 makes, for servers of old."""
    with driven(tmp_path, lambda _: Said((ok(b"one") + blank,))) as (server, driver):
        for row in (0, 1, 0):
            assert driver.send_row(row, lambda: None).outcome == "200"
        answer = driver.load(1, 0.2, 0.2, whole_passes=False, on_tick=lambda: None)
    assert set(answer.outcomes) == {"200"}
    assert server.connections == 1


def test_a_connection_that_ends_while_nobody_uses_it_costs_no_request(tmp_path: Path) -> None:
    """RFC 9112, section 9.5: a server may close an idle connection at any time."""
    with driven(tmp_path, lambda _: Said((FIRST,), "close")) as (server, driver):
        outcomes = []
        for row in (0, 1, 0):
            outcomes.append(driver.send_row(row, lambda: None).outcome)
            wait_given_up(driver, server)
    assert outcomes == ["200"] * 3
    assert server.connections == 3
