"""Reads a request body, never more of it than allowed."""

from __future__ import annotations

from plimsoll.errors import BadRequest, BodyTooLarge
from plimsoll.server.asgi import Receive


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(headers: dict[bytes, bytes], receive: Receive, max_bytes: int) -> bytes:
    """Raises BodyTooLarge as soon as the limit is known to be passed, ClientGone on a broken request."""
    if _declared_bytes(headers) > max_bytes:
        raise _too_large(max_bytes)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        body = await _read_rest(body, receive, max_bytes)
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    return body


def _declared_bytes(headers: dict[bytes, bytes]) -> int:
    value = headers.get(b"content-length", b"0")
    if not value.isdigit():
        raise BadRequest("Content-Length is not a number.")
    return int(value)


async def _read_rest(first: bytes, receive: Receive, max_bytes: int) -> bytes:
    parts, total, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        total += len(parts[-1])
        if total > max_bytes:
            raise _too_large(max_bytes)
        more = message.get("more_body", False)
    return b"".join(parts)


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than {max_bytes} bytes.")
