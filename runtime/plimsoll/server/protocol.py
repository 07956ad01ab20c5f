"""uvicorn's HTTP protocol with limits on what a client may take: time, bytes, connections.

The ASGI application first hears of a request when its head is complete, so whatever bounds the head, and the number
of connections, has to live here. Bodies that come too slowly are ended here as well: one timer per connection
that is armed only while something is missing, so that a request which arrives whole pays for none of this.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from plimsoll.errors import HeadTooLarge, MalformedRequest, RequestError, SlowBody, SlowHead, TooManyConnections
from plimsoll.server.ids import new_id
from plimsoll.server.refusals import Refusals
from plimsoll.server.replies import CLOSE, error_body, error_headers
from plimsoll.server.whole import CYCLE

_RATE_GRACE_S = 5.0
"""A body may start slowly: its rate counts from here on."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`min_body_bytes_per_s` is the lowest average rate of a body once it has been coming for 5 s."""

    head_timeout_s: float
    body_timeout_s: float
    min_body_bytes_per_s: float
    max_head_bytes: int
    max_connections: int


class LimitedProtocol(HttpToolsProtocol):
    """`limits`, and who is told of refusals, are set on a subclass before the server starts."""

    limits: ClassVar[ConnectionLimits]
    refusals: ClassVar[Refusals]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._in_head = True
        self._head_bytes = 0
        self._piece_bytes = 0
        self._body_since_s = 0.0
        self._body_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        if len(self.connections) > self.limits.max_connections:
            self._refuse(TooManyConnections("The connection limit is reached.", retry_after_s=1))
        else:
            self._arm(self.limits.head_timeout_s, self._on_late_head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._piece_bytes = len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head:
            self._watch_head(len(data))
        elif self.cycle is not None and self.cycle.more_body and not self.cycle.response_complete:
            self._watch_body(len(data))
        elif self._timer is not None:
            self._disarm()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._body_bytes = 0
        self._body_since_s = 0.0
        if self._head_bytes + self._piece_bytes > self.limits.max_head_bytes and self._is_head_too_large():
            self._refuse_head()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._disarm()
        super().on_response_complete()
        if self.transport is not None and not self.pipeline:
            self._in_head = True  # whatever comes next belongs to a new head
            self._head_bytes = 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope[CYCLE] = cycle  # type: ignore[literal-required]
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        self._refuse(MalformedRequest(msg))

    def _watch_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > self.limits.max_head_bytes:
            self._refuse_head()
        elif self._timer is None:
            self._arm(self.limits.head_timeout_s, self._on_late_head)

    def _is_head_too_large(self) -> bool:
        """Asked only when head and whatever came with it are over the cap: the head alone may not be."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        return size > self.limits.max_head_bytes

    def _refuse_head(self) -> None:
        self._refuse(HeadTooLarge(f"The request head is larger than {self.limits.max_head_bytes} bytes."))

    def _watch_body(self, count: int) -> None:
        if not self._body_since_s:
            self._disarm()
            self._body_since_s = time.monotonic()
            self._arm(min(_RATE_GRACE_S, self.limits.body_timeout_s), self._on_body_check)
        self._body_bytes += count

    def _on_late_head(self) -> None:
        self._timer = None
        if not self._head_bytes:
            self.transport.close()  # nothing was asked: nothing is answered
        else:
            self._refuse(SlowHead(f"The request head took longer than {self.limits.head_timeout_s:g} s."))

    def _on_body_check(self) -> None:
        """A body the application has paused (flow control) is not the client's fault and is not timed."""
        self._timer = None
        elapsed_s = time.monotonic() - self._body_since_s
        if self.flow.read_paused:
            self._body_since_s += elapsed_s
        elif elapsed_s >= self.limits.body_timeout_s:
            self._refuse(SlowBody(f"The request body took longer than {self.limits.body_timeout_s:g} s."))
            return
        elif self._body_bytes / elapsed_s < self.limits.min_body_bytes_per_s:
            self._refuse(SlowBody(f"The request body came slower than {self.limits.min_body_bytes_per_s:g} bytes/s."))
            return
        self._arm(1.0, self._on_body_check)

    def _refuse(self, error: RequestError) -> None:
        """Answers at the level of the connection and closes it; a waiting application sees a client that has gone."""
        self._disarm()
        self.refusals.note(error)
        ids = [(b"x-request-id", new_id())]
        body = error_body(error, ids[0][1])
        headers = [*error_headers(error, ids), CLOSE, (b"content-length", b"%d" % len(body))]
        lines = [STATUS_LINE[error.status], *(name + b": " + value + b"\r\n" for name, value in headers), b"\r\n", body]
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(b"".join(lines))
        self.transport.close()

    def _arm(self, delay_s: float, then: Callable[[], None]) -> None:
        self._timer = self.loop.call_later(delay_s, then)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
