"""A whole response in one write, past the two-message way of ASGI.

uvicorn checks every header of every response by two regular expressions and writes head and body apart. For an echo
that was a sixth of the front's CPU. Here the headers are known to be clean: ours are constants and numbers, ids come
from a parser that refuses control characters, and the script's are checked once (`scoring._script_headers`).
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from plimsoll.server.asgi import RawHeaders, Scope

NO_CONTENT = frozenset({204, 304})
"""Statuses whose answer has neither a body nor a Content-Length (RFC 9110 §8.6, §15.3.5, §15.4.5)."""
CYCLE = "plimsoll.cycle"
"""Key of the scope under which `LimitedProtocol` leaves uvicorn's state of the request."""


async def respond_whole(scope: Scope, status: int, headers: RawHeaders, body: bytes, close: bool) -> None:
    """Does what uvicorn's own `send` does for a response of known length; a client that has gone gets nothing.

    `headers` says nothing of length or connection; `close` ends the connection with this response. Where another
    response has begun the connection is cut off instead: a client must never take one for the rest of the other.
    """
    cycle: RequestResponseCycle = scope[CYCLE]
    if cycle.response_started:
        cycle.transport.close()
        return
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    parts = [STATUS_LINE[status]]
    for name, value in (*cycle.default_headers, *headers):
        parts += (name, b": ", value, b"\r\n")
    if close:
        cycle.keep_alive = False
    connection = b"" if cycle.keep_alive else b"connection: close\r\n"
    if status in NO_CONTENT:
        parts += (connection, b"\r\n")
    else:
        parts.append(b"%bcontent-length: %d\r\n\r\n" % (connection, len(body)))
        if scope["method"] != "HEAD":
            parts.append(body)
    _finish(cycle, b"".join(parts))


def _finish(cycle: RequestResponseCycle, data: bytes) -> None:
    cycle.waiting_for_100_continue = False
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    cycle.transport.write(data)
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
