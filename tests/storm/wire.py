"""One connection of the storm: sends bytes, gives back one answer at a time, or says how it was cut."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import httptools

_SLOW_PAUSE_S = 0.1


@dataclass(slots=True)
class Answer:
    status: int = 0
    parts: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


class Cut(Exception):
    """The connection ended without a whole answer; `begun` when its head had come."""

    def __init__(self, begun: bool) -> None:
        super().__init__()
        self.begun = begun


class Silence(Exception):
    """Neither an answer nor an end of the connection came in time."""


class Wire(asyncio.Protocol):
    """`since` (monotonic) is set while an answer is awaited."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.usable = True
        self.reads_slowly = False
        self.transport: asyncio.Transport
        self._waiting: asyncio.Future[Answer] | None = None
        self._first_byte: asyncio.Future[None] | None = None
        self._answer = Answer()
        self._begun = False
        self._parser = httptools.HttpResponseParser(self)

    def exchange(self, *data: bytes) -> asyncio.Future[Answer]:
        """Sends a request; the answer to come. At most one at a time."""
        loop = asyncio.get_running_loop()
        self.since = time.monotonic()
        self._answer = Answer()
        self._begun = False
        self._waiting = loop.create_future()
        if self.usable:
            self.transport.writelines(data)
        else:
            self._cut()
        return self._waiting

    async def first_byte(self) -> None:
        """Until something has come, or the connection has ended."""
        if self.usable and not self._answer.parts:
            self._first_byte = asyncio.get_running_loop().create_future()
            await self._first_byte

    def give_up(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.since = None
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._came()
        self._cut()

    def eof_received(self) -> None:
        self.usable = False

    def data_received(self, data: bytes) -> None:
        if self.reads_slowly:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(_SLOW_PAUSE_S, self._read_on)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.usable = False
            self.transport.abort()

    def on_headers_complete(self) -> None:
        self._begun = True

    def on_body(self, body: bytes) -> None:
        self._answer.parts.append(body)
        self._came()

    def on_message_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        self.usable = self.usable and self._parser.should_keep_alive()
        self.since = None
        self.reads_slowly = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._answer)
        else:
            self.usable = False  # an answer to nothing; the next request must not take it for its own

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _cut(self) -> None:
        self.since = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Cut(self._begun))

    def _came(self) -> None:
        if self._first_byte is not None and not self._first_byte.done():
            self._first_byte.set_result(None)
