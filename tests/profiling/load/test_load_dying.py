"""Servers that die, hang, or hardly read: every request has exactly one outcome, and the driver goes on."""

from __future__ import annotations

import hashlib
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from plimsoll.profiling.dataset.rows import TEXT_TYPE, Row
from plimsoll.profiling.load.client import DriverClient, LoadAnswer, RateAnswer
from plimsoll.profiling.load.loops import Arrivals
from support.patience import best_of_three
from support.raw_server import Said, ok, raw_server

Load = Callable[[DriverClient, Callable[[], None]], LoadAnswer | RateAnswer]


def closed_loop(driver: DriverClient, tick: Callable[[], None]) -> LoadAnswer:
    return driver.load(4, 2.0, 2.0, whole_passes=False, on_tick=tick)


def open_loop(driver: DriverClient, tick: Callable[[], None]) -> RateAnswer:
    return driver.rate(Arrivals(100.0, 2.0, 1, 1000), connections=4, most_connections=64, on_tick=tick)


def totals(answer: LoadAnswer | RateAnswer) -> LoadAnswer:
    return answer.load if isinstance(answer, RateAnswer) else answer


def assert_each_has_one_outcome(answer: LoadAnswer) -> None:
    assert answer.requests == sum(answer.outcomes.values())
    assert answer.successes == answer.latency.count == answer.outcomes.get("200", 0)
    assert sum(answer.failed_rows.values()) == answer.requests - answer.successes


def opened(driver: DriverClient, port: int, timeout_s: float = 20.0, bodies: int = 3) -> None:
    driver.open([Row(place, b"row %d" % place, TEXT_TYPE) for place in range(1, bodies + 1)], port, timeout_s, seed=1)


@pytest.mark.parametrize("load", [closed_loop, open_loop])
def test_a_server_that_dies_during_the_load(tmp_path: Path, load: Load) -> None:
    """Some are answered, some are cut off, the rest finds nobody; and nothing hangs until its timeout."""
    with raw_server(lambda _: Said((ok(),))) as server, DriverClient(tmp_path / "driver.log", None) as driver:
        opened(driver, server.port, timeout_s=30.0)
        ticks: list[None] = []

        def kill() -> None:
            ticks.append(None)
            if len(ticks) == 2:
                server.stop()

        begun_s = time.monotonic()
        answer = load(driver, kill)
        took_s = time.monotonic() - begun_s
        found = totals(answer)
        assert set(found.outcomes) <= {"200", "closed", "refused"}
        assert found.outcomes["200"] > 0
        assert found.outcomes["refused"] > 0
        assert_each_has_one_outcome(found)
        assert took_s < 20
        if isinstance(answer, RateAnswer):
            assert found.requests == answer.offered
        assert not (tmp_path / "driver.log").read_bytes(), "nothing was raised out of the loop"


@pytest.mark.parametrize("load", [closed_loop, open_loop])
def test_a_server_that_takes_connections_and_never_reads(tmp_path: Path, load: Load) -> None:
    """The kernel completes the connections of a listener that nobody accepts from: tcp(7), backlog of listen(2)."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=64)
    with silent, DriverClient(tmp_path / "driver.log", None) as driver:
        opened(driver, silent.getsockname()[1], timeout_s=0.3)
        found = totals(load(driver, lambda: None))
    assert set(found.outcomes) == {"timeout"}
    assert_each_has_one_outcome(found)
    assert found.throughput_rps == 0.0
    assert found.failure_latency_sum_s >= 0.299 * found.requests


def test_a_timeout_counts_from_the_beginning_of_the_request_to_its_end(tmp_path: Path) -> None:
    """A server that says a little now and then, but never the whole, gets no longer than one that says nothing."""
    drip = Said((b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", *[b"x"] * 4000))
    with raw_server(lambda _: drip) as server, DriverClient(tmp_path / "driver.log", None) as driver:
        opened(driver, server.port, timeout_s=1.0)

        def ask() -> None:
            found = driver.send_row(0, lambda: None)
            assert found.outcome == "timeout"
            assert 1.0 <= found.latency_s < 1.9, "looked at ten times within the time allowed"

        best_of_three(ask)


def test_a_big_request_goes_through_a_narrow_door_whole(tmp_path: Path) -> None:
    """4 MB to a server that takes 4 kB at a time: what the socket does not take at once is sent later, in order."""
    body = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(1 << 17))
    narrow = raw_server(lambda _: Said((ok(),)), receive_buffer_bytes=4096)
    with narrow as server, DriverClient(tmp_path / "driver.log", None) as driver:
        driver.open([Row(1, body, "application/octet-stream")], server.port, 20.0, seed=1)
        answers = [driver.send_row(0, lambda: None).outcome for _ in range(2)]
    assert answers == ["200", "200"]
    assert server.requests == [body, body]


def test_a_server_that_answers_before_it_has_read_all(tmp_path: Path) -> None:
    """As one does that refuses a body by its length: 413 and `close`, most of the body still unread."""
    refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!"
    with socket.create_server(("127.0.0.1", 0)) as listener, DriverClient(tmp_path / "driver.log", None) as driver:
        driver.open([Row(1, b"x" * 3_000_000, TEXT_TYPE)], listener.getsockname()[1], 5.0, seed=1)

        def refuse() -> None:
            if not accepted:
                connection, _ = listener.accept()
                accepted.append(connection)
                connection.recv(1000)
                connection.sendall(refusal)

        accepted: list[socket.socket] = []
        found = driver.send_row(0, refuse)
        for connection in accepted:
            connection.close()
    assert (found.outcome, found.response_bytes) == ("413", 3)


def test_after_the_server_is_back_everything_is_answered(tmp_path: Path) -> None:
    """The driver is told the new port and forgets the old connections, not what the rows were answered with."""
    with DriverClient(tmp_path / "driver.log", None) as driver:
        with raw_server(lambda body: Said((ok(body),))) as server:
            opened(driver, server.port)
            driver.load(3, 0.2, 0.2, whole_passes=False, on_tick=lambda: None)
        gone = driver.send_row(0, lambda: None)
        with raw_server(lambda body: Said((ok(body),))) as server:
            opened(driver, server.port)
            back = driver.load(3, 0.2, 1.0, whole_passes=True, on_tick=lambda: None)
            counts = Counter(server.requests)
    assert gone.outcome == "refused"
    assert set(back.outcomes) == {"200"}
    assert len(set(counts.values())) == 1, "whole passes"
    assert sum(counts.values()) == back.requests


def answering(words: bytes) -> Callable[[bytes], Said]:
    """The row itself, with more words behind one of them."""
    return lambda body: Said((ok(body + words if body == b"other" else body),))


def test_answers_are_compared_over_servers_where_that_is_wanted(tmp_path: Path) -> None:
    """What another number of threads, or other limits, answers differently is counted, also in another server."""
    counts = []
    with DriverClient(tmp_path / "driver.log", None) as driver:
        rows = [Row(1, b"same", TEXT_TYPE), Row(2, b"other", TEXT_TYPE)]
        for words, same_answers in ((b"1", False), (b"2", True), (b"1", True), (b"3", False)):
            with raw_server(answering(words)) as server:
                driver.open(rows, server.port, 20.0, seed=1, same_answers=same_answers)
                answer = driver.load(1, 0.05, 1.0, whole_passes=True, on_tick=lambda: None)
                counts.append((answer.differing, answer.requests // 2))
    assert [differing for differing, _ in counts] == [0, counts[1][1], 0, 0]
    assert counts[1][1] > 0
