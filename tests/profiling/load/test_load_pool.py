"""The driver's connections: the first are used first, no more are made than may be, what is too many is closed."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from plimsoll.profiling.load.loops import ClosedLoop, Until
from plimsoll.profiling.load.pool import Pool, connections_allowed
from plimsoll.profiling.load.requests import Requests, RowOrder
from plimsoll.profiling.load.sender import Target
from support.raw_server import RawServer, Said, ok, raw_server

REQUEST = b"POST /score HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"


def with_pool(body: Callable[[Pool, RawServer], Awaitable[None]], said: Said | None = None) -> None:
    """Runs it against a server that counts its connections."""

    async def run() -> None:
        pool = Pool(Target("127.0.0.1", server.port, 20.0))
        try:
            await body(pool, server)
        finally:
            pool.bound(0)

    with raw_server(lambda _: said or Said((ok(),))) as server:
        asyncio.run(run())


async def load(pool: Pool, connections: int, requests: int) -> dict[str, Any]:
    """So many requests over so many of the pool's connections."""
    prepared = Requests([REQUEST], {})
    return await ClosedLoop(pool, connections, prepared, RowOrder([0], 1), Until(0, 5, requests=requests)).run()


def test_the_first_slots_are_always_the_same() -> None:
    async def body(pool: Pool, server: RawServer) -> None:
        pool.bound(10)
        three = pool.first(3)
        assert pool.first(5)[:3] == three == pool.first(3)
        assert len(pool.senders) == 5
        assert pool.another() is pool.senders[-1]
        assert len(pool.senders) == 6

    with_pool(body)


def test_no_more_than_the_bound() -> None:
    async def body(pool: Pool, server: RawServer) -> None:
        assert len(pool.first(4)) == 1, "until it is told it may have one"
        pool.bound(2)
        assert len(pool.first(4)) == 2
        assert pool.another() is None
        await load(pool, 2, 20)
        assert server.connections == 2

    with_pool(body)


def test_connections_are_made_beforehand_and_kept() -> None:
    async def body(pool: Pool, server: RawServer) -> None:
        pool.bound(8)
        await pool.connect(4)
        for requests in (8, 40):
            message = await load(pool, 4, requests)
            assert message["outcomes"] == {"200": requests}
        await load(pool, 2, 4)
        assert server.connections == 4

    with_pool(body)


def test_what_is_over_a_new_bound_is_closed() -> None:
    async def body(pool: Pool, server: RawServer) -> None:
        pool.bound(6)
        await load(pool, 6, 12)
        kept = pool.first(2)
        pool.bound(2)
        assert pool.senders == kept
        await load(pool, 2, 6)
        assert server.connections == 6, "the first two are still open"
        pool.bound(6)
        await load(pool, 6, 12)
        assert server.connections == 10, "the four that were closed are made anew"

    with_pool(body)


def test_nobody_to_connect_to_is_no_error_before_there_is_a_request() -> None:
    async def body(pool: Pool, server: RawServer) -> None:
        pool.bound(4)
        server.stop()
        await pool.connect(4)
        message = await load(pool, 4, 8)
        assert message["outcomes"] == {"refused": 8}
        assert message["throughput"] == 0.0

    with_pool(body)


@pytest.mark.parametrize(("soft", "others", "allowed"), [(1024, 10, 998), (64, 10, 38), (20, 10, 1), (20, 100, 1)])
def test_what_the_limit_leaves(soft: int, others: int, allowed: int) -> None:
    found, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert found >= 64 and hard >= 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        assert connections_allowed(others) == allowed
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (found, hard))


def test_all_of_a_stretch_is_over_when_it_ends() -> None:
    """No task is left that looks for timeouts, or that connects."""

    async def body(pool: Pool, server: RawServer) -> None:
        pool.bound(3)
        await load(pool, 3, 9)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with_pool(body)
