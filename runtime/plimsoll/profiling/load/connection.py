"""One keep-alive HTTP/1.1 connection: sends prepared bytes, reports status and size of each answer."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import cast

import httptools


class Connection(asyncio.Protocol):
    """Owned by one slot; at most one request is under way.

    `on_answer(status, body bytes, checksum of the body)` follows each complete answer. `on_lost()` follows when the
    server closes the connection or breaks the protocol; not after `abandon()`.
    """

    def __init__(self, on_answer: Callable[[int, int, int], None], on_lost: Callable[[], None]) -> None:
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._unsent = b""
        self._abandoned = False
        self._parser = httptools.HttpResponseParser(self)
        self._body_bytes = 0
        self._checksum = 0
        self._reusable = True

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and self._reusable and not self._transport.is_closing()

    def send(self, request: bytes) -> None:
        """Writes a whole request, as soon as there is a connection."""
        if self._transport is None:
            self._unsent = request
        else:
            self._transport.write(request)

    def abandon(self) -> None:
        """Closes at once, or when it is made; an answer that still comes is ignored."""
        self._abandoned = True
        self._on_answer, self._on_lost = _ignore, _ignore
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._abandoned:
            self._transport.abort()
        elif self._unsent:
            self._transport.write(self._unsent)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._reusable = False
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_lost()

    def on_message_begin(self) -> None:
        self._body_bytes = 0
        self._checksum = 0

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        self._checksum = zlib.crc32(data, self._checksum)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._reusable = self._parser.should_keep_alive()
        if not self._reusable and self._transport is not None:
            self._transport.close()
        self._on_answer(status, self._body_bytes, self._checksum)


def _ignore(*_: object) -> None:
    """Stands in for the owner of a connection that nobody waits for any more."""
