"""All connections of the front: how many there may be, what they share, and the clock that ends the slow ones."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from plimsoll.server.http.connection import Connection
from plimsoll.server.http.exchange import Exchange
from plimsoll.server.http.handshakes import hear
from plimsoll.server.http.head import DateLine
from plimsoll.server.http.limits import ConnectionLimits
from plimsoll.server.http.outlet import Cork
from plimsoll.workers.shared.buffers import BufferPool

_SCRATCH_BYTES = 256 * 1024
_LONGEST_PERIOD_S = 0.1


class Service(Protocol):
    """Answers what comes. Nothing here may raise."""

    def on_head(self, exchange: Exchange) -> None:
        """A head has come. `early` set here: `begin` does not wait for the body, which nobody wants."""

    def begin(self, exchange: Exchange) -> None:
        """The request is there, and so are the answers to all before it: to be answered now or later."""

    def on_left(self, exchange: Exchange) -> None:
        """The client has left before its request could begin."""


class Connections:
    """`draining`: every answer is the last of its connection. `ending`: the listeners hear nobody new any more."""

    def __init__(self, service: Service, limits: ConnectionLimits, scheme: str, pool: BufferPool) -> None:
        """`pool`: memory for large bodies."""
        self.service = service
        self.pool = pool
        self.limits = limits
        self.scheme = scheme
        self.date = DateLine()
        self.scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self.cork = Cork()
        self.draining = self.ending = False
        self._open: set[Connection] = set()
        self._loop = asyncio.get_running_loop()
        self._period_s = min(_LONGEST_PERIOD_S, limits.shortest_s / 10)
        self._tick: asyncio.TimerHandle | None = None
        self._all_closed = asyncio.Event()
        self._all_closed.set()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_crowded(self) -> bool:
        """So many clients above the limit are being heard out that no descriptors are set aside for more of them."""
        return len(self._open) > self.limits.max_connections + 1 + self.limits.max_connections // 8

    def accept(self) -> Connection:
        """The protocol factory of the event loop."""
        return Connection(self)

    def admit(self, connection: Connection, transport: asyncio.Transport) -> bool:
        """Counts it, and says whether it may stay."""
        if self.ending:
            hear(transport.get_extra_info("socket"))
        self._open.add(connection)
        self._all_closed.clear()
        if self._tick is None:
            self.date.refresh()
            self._tick = self._loop.call_later(self._period_s, self._on_tick)
        return len(self._open) <= self.limits.max_connections

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._all_closed.set()

    def shut_down(self) -> None:
        """Idle connections close now, the others with their next answer."""
        self.draining = True
        for connection in list(self._open):
            connection.shut_down()

    def abort(self) -> None:
        for connection in list(self._open):
            connection.abort()

    async def closed(self) -> None:
        """Returns once no connection is left."""
        await self._all_closed.wait()

    def _on_tick(self) -> None:
        """One timer for all: a deadline that moves with every request costs an assignment, not a timer."""
        now = time.monotonic()
        self.date.refresh()
        for connection in [one for one in self._open if one.deadline_s <= now]:
            connection.check_deadline(now)
        if self.pool.is_awaited:
            self._check_claims(now)
        self._tick = self._loop.call_later(self._period_s, self._on_tick) if self._open else None

    def _check_claims(self, now: float) -> None:
        """Ends slow uploads one by one until nobody waits for their memory any more."""
        for connection in list(self._open):
            if not self.pool.is_awaited:
                return
            connection.check_claim(now)
