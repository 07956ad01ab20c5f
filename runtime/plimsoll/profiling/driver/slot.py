"""One place for a request in flight, with a connection that is kept between stretches of load.

The hot path is callbacks only: answer → record → next row → write. Coroutines serve connecting and the waiting.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol

from plimsoll.profiling.driver.connection import Connection
from plimsoll.profiling.driver.tally import OUTCOME_CLOSED, OUTCOME_REFUSED, OUTCOME_TIMEOUT, Tally

_RECONNECT_PAUSE_S = 0.05
# Each look costs CPU that a small machine lacks: a tenth of the timeout is exact enough.
_EXPIRY_SHARE = 0.1
_LONGEST_EXPIRY_S = 0.25


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go; a request that takes longer than `timeout_s` is given up."""

    host: str
    port: int
    timeout_s: float


class Source(Protocol):
    """What a slot works for: it hands out requests and books their ends in its tally."""

    tally: Tally

    def take(self) -> tuple[int, bytes, int] | None:
        """Row, request and the monotonic nanosecond from which its latency counts; None when there is no more."""

    def release(self, slot: Slot) -> None:
        """The slot has nothing left to do."""


class Slot:
    """Sends one request after the other for a source until that has none left."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: Connection | None = None
        self._source: Source | None = None
        self._row: int | None = None
        self._due_ns = 0
        self._sent_ns = 0
        self._reconnecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Makes a connection unless there is one; raises OSError where nobody listens."""
        if self._connection is not None and self._connection.usable:
            return
        self._drop_connection()
        make = asyncio.get_running_loop().create_connection(
            lambda: Connection(self._answered, self._lost), self._target.host, self._target.port
        )
        _, self._connection = await asyncio.wait_for(make, self._target.timeout_s)

    def start(self, source: Source) -> None:
        """Begins to take requests."""
        self._source = source
        self._next()

    def expire(self, now_ns: int) -> None:
        """Gives up a request that is over its time."""
        if self._row is None or now_ns - self._sent_ns < self._target.timeout_s * 1e9:
            return
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        self._drop_connection()
        self._finish(OUTCOME_TIMEOUT, 0)

    def _next(self) -> None:
        if self._source is None:
            return
        taken = self._source.take()
        if taken is None:
            source, self._source = self._source, None
            source.release(self)
            return
        self._row, request, self._due_ns = taken
        self._sent_ns = time.perf_counter_ns()
        if self._connection is not None and self._connection.usable:
            self._connection.send(request)
        else:
            # The farewell of the old connection must not be taken for the loss of the new one.
            self._drop_connection()
            self._reconnecting = asyncio.create_task(self._connect_and_send(request))

    async def _connect_and_send(self, request: bytes) -> None:
        try:
            await self.connect()
        except OSError:
            # A server that is gone must not be asked ten thousand times a second.
            await asyncio.sleep(_RECONNECT_PAUSE_S)
            self._finish(OUTCOME_REFUSED, 0)
            return
        if self._connection is not None:
            self._connection.send(request)

    def _answered(self, status: int, size_bytes: int, checksum: int) -> None:
        self._finish(str(status), size_bytes, checksum)

    def _lost(self) -> None:
        self._connection = None
        if self._row is not None:
            self._finish(OUTCOME_CLOSED, 0)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    def _finish(self, outcome: str, size_bytes: int, checksum: int = 0) -> None:
        if self._row is None or self._source is None:
            return
        row, self._row = self._row, None
        self._source.tally.record(row, outcome, time.perf_counter_ns() - self._due_ns, size_bytes, checksum)
        self._next()


async def connect_all(slots: list[Slot]) -> None:
    """Before any clock runs; where it fails the request that comes first tries again and is a failure."""
    await asyncio.gather(*(slot.connect() for slot in slots), return_exceptions=True)


async def expire_forever(slots: list[Slot], timeout_s: float) -> None:
    """Gives up requests that are over their time, until cancelled; slots may be added meanwhile."""
    pause_s = min(timeout_s * _EXPIRY_SHARE, _LONGEST_EXPIRY_S)
    while True:
        await asyncio.sleep(pause_s)
        now_ns = time.perf_counter_ns()
        for slot in list(slots):
            slot.expire(now_ns)
