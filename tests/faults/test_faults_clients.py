"""What clients may do: say nothing, leave at any moment, read slowly or not at all. It costs the others nothing."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storm.alone import load
from storm.requests import Leave, asking, posted
from storm.round import Extent, play
from storm.scene import footprint
from storm.shapes import Shape, prepared
from support.server import Server, wait_for

IDLE = 3_000
LARGE_TIMES = 300_000
"""An answer of so many tokens, 4.8 MB: far more than the sockets hold on the way."""


@contextlib.contextmanager
def more_descriptors() -> Iterator[None]:
    """For the clients, which are this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, IDLE + 1_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def test_thousands_of_idle_connections_cost_the_others_nothing(tmp_path: Path) -> None:
    flags = ("--workers", "2", "--max-connections", str(IDLE + 100), "--head-timeout", "600")
    with more_descriptors(), Server(prepared(tmp_path), *flags) as server, contextlib.ExitStack() as held:
        front = server.front()
        before = footprint(front)
        idle = [held.enter_context(connected(server)) for _ in range(IDLE)]
        wait_for(lambda: footprint(front).descriptors["socket"] >= IDLE, "all connections accepted")
        assert load(server, 1_500, "idle") == []
        used = footprint(front).anonymous_bytes - before.anonymous_bytes
        assert used < IDLE * 16_000, f"{used / IDLE:.0f} bytes for a connection that says nothing"
        idle[0].sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle[0].recv(100).startswith(b"HTTP/1.1 200")
        held.close()
        wait_for(lambda: footprint(front).descriptors["socket"] <= before.descriptors["socket"], "all closed")


def test_clients_that_leave_at_every_stage_leave_nothing_behind(tmp_path: Path) -> None:
    """With the accounts of the storm: what the server has counted, descriptors, an empty queue, free slots."""
    result = play(Shape("departures", departures=0.8), "departures", tmp_path, Extent(requests=1_500))
    assert not result.complaints, "\n".join(result.complaints)
    assert {f"leave_{stage.value}: left" for stage in Leave} <= result.outcomes.keys()


@pytest.mark.parametrize("what", ["big_read_slowly", "stream"])
def test_slow_readers_get_their_whole_answer(tmp_path: Path, what: str) -> None:
    result = play(Shape("slow", only=(what,), departures=0.0, lanes=8), what, tmp_path, Extent(requests=30))
    assert not result.complaints, "\n".join(result.complaints)
    assert result.outcomes == {f"{what}: right": 30}


@pytest.mark.parametrize("action", [("big", LARGE_TIMES), ("stream", 10**7)])
def test_clients_that_never_read_hold_up_nobody(tmp_path: Path, action: tuple[str, int]) -> None:
    """An answer that nobody reads is let go when its client leaves; a stream stops being made meanwhile."""
    readers = 8
    with Server(prepared(tmp_path), "--workers", "1", "--threads", str(readers + 2)) as server:
        front = server.front()
        before = footprint(front)
        with contextlib.ExitStack() as held:
            for number in range(readers):
                body = asking(action[0], f"{number:016x}", action[1])
                held.enter_context(connected(server)).sendall(posted(body) + body)
            time.sleep(1)
            assert load(server, 500, "unread") == []
        wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 0, "the end of what nobody wants any more")
        assert load(server, 200, "after") == []
        wait_for(lambda: not footprint(front).descriptors - before.descriptors, "all connections closed")
