"""One request and its answer.

NEW ─── BEGUN ─┬─ ANSWERED          the last byte of the answer is with the kernel or the transport
         │     └─ STREAMING ─┬─ ANSWERED
         │                   └─ CUT     the answer cannot be completed: the connection ends in the middle of it
         └─ GONE                   the client has left
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from plimsoll.errors import RequestError
from plimsoll.server.http.head import NO_CONTENT, STATUS_LINES
from plimsoll.server.http.request import Request
from plimsoll.workers.shared.buffers import SharedAnswer

if TYPE_CHECKING:
    from plimsoll.server.http.connection import Connection

_JOINED_BYTES = 16 * 1024
_CLOSE = b"connection: close\r\n"
_KEEP = b"connection: keep-alive\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ExchangeState(Enum):
    NEW = auto()
    BEGUN = auto()
    STREAMING = auto()
    ANSWERED = auto()
    CUT = auto()
    GONE = auto()


OVER = (ExchangeState.ANSWERED, ExchangeState.CUT, ExchangeState.GONE)


class Taker(Protocol):
    """Whoever answers an exchange, as long as it does."""

    def on_gone(self) -> None:
        """The client has left: no answer is wanted."""

    def has_begun(self) -> bool:
        """Whether the work is under way, so that dropping it would save nothing."""

    def on_pause(self) -> None:
        """The client is behind with what was sent."""

    def on_resume(self) -> None:
        """The client has caught up, and more may be sent."""


class Exchange:
    """`early`: to be begun before the body has come. `taker` hears what becomes of the connection."""

    __slots__ = ("_chunked", "_connection", "closes", "early", "error", "request", "state", "taker", "ticket")

    def __init__(self, connection: Connection, request: Request, error: RequestError | None = None) -> None:
        self._connection = connection
        self._chunked = False
        self.request = request
        self.error = error
        """What came was no request, or went beyond a limit: to be answered with this, and then no more."""
        self.early = error is not None
        self.closes = error is not None
        self.state = ExchangeState.NEW
        self.taker: Taker | None = None
        self.ticket: object = None
        """What the service has noted about it at its head."""

    @property
    def client(self) -> str:
        """Address and port; empty where the socket has none."""
        return self._connection.client

    @property
    def scheme(self) -> str:
        return self._connection.scheme

    def respond(self, status: int, fields: bytes, body: bytes | SharedAnswer) -> None:
        """The whole answer; `fields` are lines that say nothing of length or connection. One that is over gets none.

        A shared body is released once its last byte is out, or nobody wants it.
        """
        if self.state is not ExchangeState.BEGUN:
            if self.state is ExchangeState.STREAMING:
                self.cut()  # a client must never take one answer for the rest of another
            if isinstance(body, SharedAnswer):
                body.release()
            return
        has_length = status not in NO_CONTENT
        head = self._head(status, fields) + (b"content-length: %d\r\n\r\n" % len(body) if has_length else b"\r\n")
        self.state = ExchangeState.ANSWERED
        self._send(head, body, has_body=has_length and self.request.method != "HEAD")
        self._connection.on_answered(self)

    def begin_stream(self, status: int, fields: bytes) -> None:
        """The head of an answer whose length nobody knows; for HTTP/1.0 it ends with the connection."""
        if self.state is not ExchangeState.BEGUN:
            return
        self.state = ExchangeState.STREAMING
        self._chunked = not self.request.is_http_1_0
        self.closes = self.closes or not self._chunked
        head = self._head(status, fields)
        self._connection.outlet.write(head + (b"transfer-encoding: chunked\r\n\r\n" if self._chunked else b"\r\n"))

    def write_chunk(self, data: bytes | SharedAnswer) -> None:
        if isinstance(data, SharedAnswer):
            data = _taken_out(data)
        if self.state is not ExchangeState.STREAMING or not data or self.request.method == "HEAD":
            return
        if self._chunked:
            self._connection.outlet.write(b"".join((b"%x\r\n" % len(data), data, b"\r\n")))
        else:
            self._connection.outlet.write(data)

    def end_stream(self) -> None:
        if self.state is ExchangeState.STREAMING:
            self.state = ExchangeState.ANSWERED
            if self._chunked and self.request.method != "HEAD":
                self._connection.outlet.write(b"0\r\n\r\n")
            self._connection.on_answered(self)

    def cut(self) -> None:
        """Cuts the connection during the answer: once the head is sent, no other way is left to report a failure."""
        if self.state not in OVER:
            self.state = ExchangeState.CUT
            self._connection.abort()

    def _send(self, head: bytes, body: bytes | SharedAnswer, *, has_body: bool) -> None:
        outlet = self._connection.outlet
        if isinstance(body, SharedAnswer):
            if has_body:
                outlet.write_shared(head, body)
                return
            body.release()
            outlet.write_soon(head)
        elif not has_body:
            outlet.write_soon(head)
        elif len(body) <= _JOINED_BYTES:
            outlet.write_soon(head + body)
        else:
            outlet.write_parts(head, body)

    def _head(self, status: int, fields: bytes) -> bytes:
        connection = self._connection
        self.closes = self.closes or connection.closes_after(self.request)
        if self.closes:
            return STATUS_LINES[status] + connection.date + fields + _CLOSE
        if self.request.is_http_1_0:
            return STATUS_LINES[status] + connection.date + fields + _KEEP
        return STATUS_LINES[status] + connection.date + fields


def _taken_out(shared: SharedAnswer) -> bytes:
    data = bytes(shared.view)
    shared.release()
    return data
