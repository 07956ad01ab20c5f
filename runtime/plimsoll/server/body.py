"""Reads a request body, never more of it than allowed; what no message to a worker holds goes to shared memory."""

from __future__ import annotations

import asyncio

from plimsoll.errors import BadRequest, BodyTooLarge, BuffersFull
from plimsoll.server.asgi import Receive
from plimsoll.workers.buffers import BufferPool, Lease
from plimsoll.workers.frames import INLINE_BYTES

_PATIENCE_S = 5.0
"""How long a body waits for memory, unread."""


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(headers: dict[bytes, bytes], receive: Receive, max_bytes: int, pool: BufferPool) -> bytes | Lease:
    """Raises BodyTooLarge as soon as the limit is known to be passed, ClientGone on a broken request."""
    declared = _declared_bytes(headers)
    if declared > max_bytes:
        raise _too_large(max_bytes)
    body, more = await _part(receive)
    while more and len(body) + declared <= INLINE_BYTES:
        part, more = await _part(receive)
        body += part
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    if not more and len(body) <= INLINE_BYTES:
        return body
    lease = await _room(pool, max(declared, 2 * len(body)))
    try:
        await _fill(lease, body, more, receive, max_bytes)
    except BaseException:
        lease.release()
        raise
    return lease


def _declared_bytes(headers: dict[bytes, bytes]) -> int:
    value = headers.get(b"content-length", b"0")
    if not value.isdigit():
        raise BadRequest("Content-Length is not a number.")
    return int(value)


async def _part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


async def _fill(lease: Lease, part: bytes, more: bool, receive: Receive, max_bytes: int) -> None:
    while True:
        end = lease.length + len(part)
        if end > max_bytes:
            raise _too_large(max_bytes)
        if end > lease.size and not lease.grow(min(2 * end, max_bytes)):
            raise _full()
        lease.view[lease.length : end] = part
        lease.length = end
        if not more:
            return
        part, more = await _part(receive)


async def _room(pool: BufferPool, size_bytes: int) -> Lease:
    lease = pool.lease(size_bytes)
    return await _waited(pool, size_bytes) if lease is None else lease


async def _waited(pool: BufferPool, size_bytes: int) -> Lease:
    freed: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
    waiter = pool.when_free(size_bytes, freed.set_result)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asyncio.shield(freed)
    except TimeoutError:
        raise _full() from None
    finally:
        waiter.cancel()


def _full() -> BuffersFull:
    return BuffersFull("The memory for large request bodies is in use.", retry_after_s=1)


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than {max_bytes} bytes.")
