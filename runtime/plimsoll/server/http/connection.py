"""A client's connection: requests as they come, answers in the same order, and deadlines for both sides."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from math import inf
from typing import TYPE_CHECKING

from plimsoll.errors import RequestError, SlowBody, SlowHead, TooManyConnections
from plimsoll.server.http.body import full
from plimsoll.server.http.exchange import CONTINUE, OVER, Exchange, ExchangeState, Taker
from plimsoll.server.http.limits import (
    FIRST_BYTE_S,
    HALF_CLOSED_S,
    LINGER_IDLE_S,
    LINGER_S,
    MOST_DRAINED_BYTES,
    STARVED_S,
)
from plimsoll.server.http.outlet import Outlet
from plimsoll.server.http.phases import OVER_PHASES, Phase
from plimsoll.server.http.reader import RequestReader
from plimsoll.server.http.request import NO_REQUEST, Request

if TYPE_CHECKING:
    from plimsoll.server.http.connections import Connections

_RATE_CHECK_S = 1.0


class Connection(asyncio.BufferedProtocol):
    """One for each client; `connections` is what all of them share."""

    __slots__ = (
        "_advancing",
        "_body",
        "_body_since_s",
        "_client",
        "_connections",
        "_limits",
        "_lingers_until_s",
        "_pipeline",
        "_reading_paused",
        "_sounded_out",
        "_transport",
        "deadline_s",
        "outlet",
        "phase",
        "reader",
        "scheme",
    )

    _transport: asyncio.Transport
    outlet: Outlet

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._limits = limits = connections.limits
        self._pipeline: deque[Exchange] = deque()
        self._client: str | None = None
        self._advancing = self._reading_paused = self._sounded_out = False
        self._body: Request | None = None
        self._body_since_s = self._lingers_until_s = 0.0
        self.scheme = connections.scheme
        self.phase = Phase.OPENING
        self.deadline_s = inf
        self.reader = RequestReader(
            self, connections.scratch, connections.pool, limits.max_head_bytes, limits.max_body_bytes
        )

    # The transport calls these.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self.outlet = Outlet(transport, self._connections.cork, is_plain=self.scheme == "http")
        self.deadline_s = time.monotonic() + self._limits.head_timeout_s
        if not self._connections.admit(self, transport):
            self.on_broken(TooManyConnections("The connection limit is reached.", retry_after_s=1))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.reader.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        if self.phase is Phase.LINGERING:
            self.deadline_s = min(time.monotonic() + LINGER_IDLE_S, self._lingers_until_s)
        elif self.phase not in OVER_PHASES:
            self.reader.took(nbytes)
            self._advance()
            self._settle()

    def eof_received(self) -> bool:
        if self.phase is Phase.BUSY and self.scheme == "http":
            self._watch(Phase.HALF)
            return True
        return False

    def pause_writing(self) -> None:
        self.outlet.pause()
        if self.phase in (Phase.BUSY, Phase.HALF):
            self._watch(self.phase)
        if (taker := self._taker()) is not None:
            taker.on_pause()

    def resume_writing(self) -> None:
        self.outlet.resume()
        if self.phase in (Phase.BUSY, Phase.HALF):
            self._watch(self.phase)
        if (taker := self._taker()) is not None:
            taker.on_resume()
        self._advance()
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self.phase, self.deadline_s = Phase.CLOSED, inf
        self.reader.close()
        self.outlet.close()
        self._connections.forget(self)
        left, self._pipeline = list(self._pipeline), deque()
        for exchange in left:
            self._leave(exchange)

    # The reader calls these.

    def on_head(self, request: Request) -> None:
        exchange = Exchange(self, request)
        self._pipeline.append(exchange)
        self._connections.service.on_head(exchange)
        request.unwanted = exchange.early

    def on_broken(self, error: RequestError) -> None:
        last = self._pipeline[-1] if self._pipeline else None
        if last is None or last.request.complete:
            self._pipeline.append(Exchange(self, NO_REQUEST, error))
        elif last.state is ExchangeState.NEW:
            last.error, last.early, last.closes = error, True, True
        else:
            last.closes = True
            if last.state is ExchangeState.ANSWERED:
                self._finish(last)
        self._advance()
        self._settle()

    def on_fed(self) -> None:
        self._body = None  # its clock starts anew
        self._settle()

    # The exchanges call these.

    @property
    def client(self) -> str:
        if self._client is None:
            address = self._transport.get_extra_info("peername")
            self._client = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
        return self._client

    @property
    def date(self) -> bytes:
        return self._connections.date.line

    def closes_after(self, request: Request) -> bool:
        """Whether the answer to `request` is the last one here."""
        if not request.keep_alive or self._connections.draining:
            return True
        if self.phase is Phase.HALF and len(self._pipeline) == 1:
            return True
        if request.complete:
            return False
        if request.expects_continue and not request.received_bytes:
            return True  # whether it will send the body is its choice
        return not request.chunked and request.remaining_bytes > MOST_DRAINED_BYTES

    def on_answered(self, exchange: Exchange) -> None:
        exchange.taker = exchange.ticket = None  # they refer to it: no garbage for the collector to find
        if exchange.closes:
            self._finish(exchange)
        elif not self._advancing:
            self._advance()
            self._settle()

    def abort(self) -> None:
        if self.phase is not Phase.CLOSED:
            self._enter(Phase.CLOSING, self._limits.send_timeout_s)
            self._transport.abort()

    # The owner of all connections calls these.

    def shut_down(self) -> None:
        """Closes at once what is idle; the rest ends with its next answer.

        Whoever has just connected is about to send, and would not know whether it may send again: it gets a moment.
        """
        if self.phase is Phase.IDLE:
            self._close()
        elif self.phase is Phase.OPENING:
            self.deadline_s = min(self.deadline_s, time.monotonic() + FIRST_BYTE_S)

    def check_claim(self, now: float) -> None:
        """Others wait for memory. A body that is sent ahead of the answer to an earlier request comes slowly too."""
        if self.phase in (Phase.BODY, Phase.BUSY) and self.reader.lags(now):
            self._give_up(SlowBody("The request body came too slowly for the memory that others wait for."))

    def check_deadline(self, now: float) -> None:
        """What the table of phases says, once `deadline_s` has passed."""
        if self.phase is Phase.HEAD:
            self._give_up(SlowHead(f"The request head took longer than {self._limits.head_timeout_s:g} s."))
        elif self.phase is Phase.BODY:
            self._check_body(now)
        elif self.phase is Phase.STARVED:
            self._give_up(full())
        elif self.phase in (Phase.BUSY, Phase.CLOSING):
            self._check_progress(now)
        elif self.phase is Phase.HALF:
            self._check_half(now)
        elif self.phase is not Phase.CLOSED:
            self._close()

    # What follows from all this.

    def _advance(self) -> None:
        """Begins what can be begun, and lets go of what is over."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._pipeline and self.phase not in OVER_PHASES:
                first = self._pipeline[0]
                if first.state is ExchangeState.NEW and (self.outlet.is_behind or not self._begin(first)):
                    return  # nothing more is made for a client that does not take what there is
                if first.state is not ExchangeState.ANSWERED or not first.request.complete:
                    return
                if self._pipeline and self._pipeline[0] is first:
                    self._pipeline.popleft()
        finally:
            self._advancing = False

    def _begin(self, exchange: Exchange) -> bool:
        """False as long as there is too little of the request."""
        request = exchange.request
        if request.complete or exchange.early:
            exchange.state = ExchangeState.BEGUN
            self._connections.service.begin(exchange)
            return True
        if request.expects_continue and not request.received_bytes:
            request.expects_continue = False
            self.outlet.write(CONTINUE)
        return False

    def _settle(self) -> None:
        """Enters the phase that follows from what has come and what is answered."""
        if self.phase in OVER_PHASES:
            return
        if self.phase is Phase.HALF:
            self._settle_half()
        elif self._pipeline:
            self._settle_with(self._pipeline[0].request)
        elif self.reader.in_head:
            self._await_head()
        elif self.outlet.is_behind:
            self._watch(Phase.BUSY)
        elif self.phase is not Phase.OPENING:
            self._enter(Phase.IDLE, self._limits.keep_alive_s)
        if self._reading_paused:
            self._read_on()

    def _read_on(self) -> None:
        if len(self._pipeline) < 2 and not self.reader.starved:
            self._resume_reading()

    def _settle_half(self) -> None:
        if not self._pipeline or not self._pipeline[0].request.complete:
            self._close()  # what is torn will never be whole

    def _settle_with(self, request: Request) -> None:
        if len(self._pipeline) > 1 or self.reader.starved:
            self._pause_reading()  # what a client sends ahead waits in its own buffers
        if not request.complete and self.reader.starved:
            if self.phase is not Phase.STARVED:
                self._enter(Phase.STARVED, STARVED_S)
        elif not request.complete and self._is_too_much(self._pipeline[0]):
            self._finish(self._pipeline[0])
        elif not request.complete:
            self._await_body(request)
        elif self.phase is not Phase.BUSY:
            self._watch(Phase.BUSY)

    def _is_too_much(self, exchange: Exchange) -> bool:
        """Whether more is coming of a body that nobody wants than the connection is worth."""
        return exchange.state is ExchangeState.ANSWERED and exchange.request.received_bytes > MOST_DRAINED_BYTES

    def _await_head(self) -> None:
        if self.phase is Phase.OPENING:
            self.phase = Phase.HEAD  # the first head counts from when the connection was made
        elif self.phase is not Phase.HEAD:
            self._enter(Phase.HEAD, self._limits.head_timeout_s)

    def _enter(self, phase: Phase, seconds: float) -> None:
        self.phase = phase
        self.deadline_s = inf if seconds == inf else time.monotonic() + seconds

    def _watch(self, phase: Phase) -> None:
        """Enters BUSY or HALF, with a clock for the client where it is its turn."""
        if self.outlet.is_behind:
            self._enter(phase, self._limits.send_timeout_s)
        else:
            self._enter(phase, HALF_CLOSED_S if phase is Phase.HALF else inf)

    def _await_body(self, request: Request) -> None:
        if self.phase is not Phase.BODY or self._body is not request:
            self._body, self._body_since_s = request, time.monotonic()
            self._enter(Phase.BODY, self._limits.first_look_s)

    def _check_body(self, now: float) -> None:
        assert self._body is not None
        if error := self._limits.too_slow(self._body.received_bytes, now - self._body_since_s):
            self._give_up(error)
        else:
            self.deadline_s = now + _RATE_CHECK_S

    def _check_half(self, now: float) -> None:
        """One that has closed altogether answers whatever is sent to it with a reset; one that reads skips a 100."""
        taker = self._taker()
        if self.outlet.is_behind:
            self._check_progress(now)
            return
        self.deadline_s = now + HALF_CLOSED_S
        if self._sounded_out and self.outlet.is_reset():
            self.abort()
        elif taker is not None and not taker.has_begun() and self._pipeline[0].state is ExchangeState.BEGUN:
            self._sound_out(self._pipeline[0].request)

    def _sound_out(self, request: Request) -> None:
        if request.is_http_1_0:
            self.abort()  # it knows no interim answers (RFC 9110 §15.2)
        elif not self._sounded_out:
            self._sounded_out = True
            self.outlet.write(CONTINUE)

    def _check_progress(self, now: float) -> None:
        if self.outlet.has_moved():
            self.deadline_s = now + self._limits.send_timeout_s
        else:
            self._transport.abort()

    def _give_up(self, error: RequestError) -> None:
        self.reader.end()
        self.reader.has_surplus = True
        self.on_broken(error)

    def _finish(self, exchange: Exchange) -> None:
        """`exchange` was the last: closes, but not before a client that is still sending can have read its answer."""
        if self.phase in OVER_PHASES:
            return
        for other in self._pipeline:
            if other is not exchange:
                self._leave(other)
        self._pipeline.clear()
        is_heard_out = exchange.request.complete and not self.reader.has_surplus
        if self.phase is Phase.HALF or is_heard_out or self._connections.is_crowded:
            self._close()
        else:
            self._linger()

    def _linger(self) -> None:
        self.outlet.flush()
        self.reader.end()
        self._enter(Phase.LINGERING, LINGER_IDLE_S)
        self._lingers_until_s = time.monotonic() + LINGER_S
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._resume_reading()

    def _close(self) -> None:
        self.outlet.flush()
        self._enter(Phase.CLOSING, self._limits.send_timeout_s)
        self._transport.close()

    def _leave(self, exchange: Exchange) -> None:
        if exchange.state in OVER:
            return
        begun, exchange.state = exchange.state is not ExchangeState.NEW, ExchangeState.GONE
        exchange.request.discard()
        if not begun:
            self._connections.service.on_left(exchange)
        elif exchange.taker is not None:
            exchange.taker.on_gone()

    def _taker(self) -> Taker | None:
        return self._pipeline[0].taker if self._pipeline else None

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
