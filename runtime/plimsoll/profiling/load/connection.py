"""One keep-alive HTTP/1.1 connection: sends prepared bytes, reports status and size of each answer."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import cast

import httptools

_LINE_ENDS = b"\r\n"


class SurplusAnswer(Exception):
    """Came with the answer before it: taken for the next one, it would make the server look fast."""


class Connection(asyncio.Protocol):
    """Owned by one sender; at most one request is under way.

    `on_answer(status, body bytes, checksum of the body)` follows each complete answer. `on_lost()` follows when the
    server closes the connection or breaks the protocol; not after `abandon()`.
    """

    def __init__(self, on_answer: Callable[[int, int, int], None], on_lost: Callable[[], None]) -> None:
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._unsent = b""
        self._parser = httptools.HttpResponseParser(self)
        self._body_bytes = 0
        self._checksum = 0
        self._outstanding = False
        self._answered = False

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes) -> None:
        self._outstanding = True
        if self._transport is None:
            self._unsent = request
        else:
            self._transport.write(request)

    def abandon(self) -> None:
        """Closes at once, or when it is made; an answer that still comes is ignored."""
        self._on_answer, self._on_lost = _ignore, _ignore
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._on_lost is _ignore:
            self._transport.abort()
        elif self._unsent:
            self._transport.write(self._unsent)

    def data_received(self, data: bytes) -> None:
        if not self._outstanding and data.strip(_LINE_ENDS):
            self._give_up()
            return
        self._answered = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._give_up()

    def _give_up(self) -> None:
        """Nobody knows any more where a message begins (RFC 9112, section 9.2): what is under way is lost."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_lost()

    def on_message_begin(self) -> None:
        if self._answered:
            raise SurplusAnswer
        self._body_bytes = 0
        self._checksum = 0

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        self._checksum = zlib.crc32(data, self._checksum)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._outstanding, self._answered = False, True
        if not self._parser.should_keep_alive() and self._transport is not None:
            self._transport.close()
        self._on_answer(status, self._body_bytes, self._checksum)


def _ignore(*_: object) -> None:
    """Stands in for the owner of a connection that nobody waits for any more."""
