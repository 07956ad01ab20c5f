"""The way out of a connection: real sockets, and what may be held back on the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from plimsoll.server.http.outlet import Cork, Outlet

Played = Callable[[Cork, list[Outlet], list[socket.socket]], Awaitable[None]]


def with_two_clients(play: Played) -> None:
    async def body() -> None:
        loop, cork = asyncio.get_running_loop(), Cork()
        outlets, clients = [], []
        for _ in range(2):
            ours, client = socket.socketpair()
            client.setblocking(False)
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            outlets.append(Outlet(transport, cork, is_plain=True))
            clients.append(client)
        await play(cork, outlets, clients)
        for outlet, client in zip(outlets, clients, strict=True):
            outlet.close()
            client.close()

    asyncio.run(body())


def received(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except BlockingIOError:
        return b""


def test_small_answers_are_held_back_until_the_cork_is_out() -> None:
    @with_two_clients
    async def play(cork: Cork, outlets: list[Outlet], clients: list[socket.socket]) -> None:
        cork.put_in()
        outlets[0].write_soon(b"one")
        outlets[1].write_soon(b"two")
        assert [received(client) for client in clients] == [b"", b""]
        cork.take_out()
        assert [received(client) for client in clients] == [b"one", b"two"]
        outlets[0].write_soon(b"three")
        assert received(clients[0]) == b"three"


def test_a_piece_of_a_stream_is_not_held_back_nor_overtakes_what_is() -> None:
    """Back-pressure counts what the client has not taken: pieces that wait behind a cork would not be counted."""

    @with_two_clients
    async def play(cork: Cork, outlets: list[Outlet], clients: list[socket.socket]) -> None:
        cork.put_in()
        outlets[0].write_soon(b"an answer, ")
        outlets[0].write(b"a piece, ")
        outlets[1].write(b"another")
        assert [received(client) for client in clients] == [b"an answer, a piece, ", b"another"]
        cork.take_out()
        assert [received(client) for client in clients] == [b"", b""]
