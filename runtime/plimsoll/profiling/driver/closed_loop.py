"""Closed loop: each connection sends its next request when the last one is answered.

The hot path is callbacks only: answer → record → next row → write. Coroutines serve connecting and the waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plimsoll.profiling.driver.connection import Connection
from plimsoll.profiling.driver.requests import RowOrder
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


@dataclass(frozen=True, slots=True)
class Until:
    """When to stop sending: at a pass's end after `seconds` if `whole_passes`, never later than `max_seconds`."""

    seconds: float
    max_seconds: float
    whole_passes: bool = False
    requests: int | None = None


class ClosedLoop:
    """One stretch of load over slots that may already hold connections."""

    def __init__(self, slots: Sequence[Slot], requests: Sequence[bytes], order: RowOrder, until: Until) -> None:
        self._slots = slots
        self._requests = requests
        self._order = order
        self._until = until
        self._issued = 0
        self._running = len(slots)
        self._done = asyncio.Event()
        self.tally = Tally()

    async def run(self) -> dict[str, Any]:
        """Connects, sends until told to stop, waits for the last answer."""
        await asyncio.gather(*(slot.connect() for slot in self._slots), return_exceptions=True)
        self.tally = Tally()
        for slot in self._slots:
            slot.start(self)
        expiry = asyncio.create_task(self._expire())
        await self._done.wait()
        expiry.cancel()
        return self.tally.as_message(len(self._slots), self._order.at_pass_end)

    def take(self) -> tuple[int, bytes] | None:
        """The next request, or None when enough were sent."""
        if not self.tally.stopped_ns and self._enough():
            self.tally.stopped_ns = time.perf_counter_ns()
        if self.tally.stopped_ns:
            return None
        self._issued += 1
        row = self._order.take()
        return row, self._requests[row]

    def finished(self) -> None:
        """A slot has nothing left to do."""
        self._running -= 1
        if self._running == 0:
            self._done.set()

    def _enough(self) -> bool:
        if self._until.requests is not None:
            return self._issued >= self._until.requests
        elapsed_s = (time.perf_counter_ns() - self.tally.begun_ns) / 1e9
        if elapsed_s >= self._until.max_seconds:
            return True
        return elapsed_s >= self._until.seconds and (not self._until.whole_passes or self._order.at_pass_end)

    async def _expire(self) -> None:
        pause_s = min(min(slot.timeout_s for slot in self._slots) * _EXPIRY_SHARE, _LONGEST_EXPIRY_S)
        while True:
            await asyncio.sleep(pause_s)
            now_ns = time.perf_counter_ns()
            for slot in self._slots:
                slot.expire(now_ns)


class Slot:
    """One place for a request in flight, with a connection that is kept between stretches of load."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: Connection | None = None
        self._loop: ClosedLoop | None = None
        self._row: int | None = None
        self._sent_ns = 0
        self._reconnecting: asyncio.Task[None] | None = None

    @property
    def timeout_s(self) -> float:
        """After which a request is given up."""
        return self._target.timeout_s

    async def connect(self) -> None:
        """Makes a connection unless there is one; raises OSError where nobody listens."""
        if self._connection is not None and self._connection.usable:
            return
        self._drop_connection()
        make = asyncio.get_running_loop().create_connection(
            lambda: Connection(self._answered, self._lost), self._target.host, self._target.port
        )
        _, self._connection = await asyncio.wait_for(make, self._target.timeout_s)

    def start(self, loop: ClosedLoop) -> None:
        """Begins to take requests from the loop."""
        self._loop = loop
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
        if self._loop is None:
            return
        taken = self._loop.take()
        if taken is None:
            self._loop.finished()
            self._loop = None
            return
        self._row, request = taken
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

    def _answered(self, status: int, size_bytes: int) -> None:
        self._finish(str(status), size_bytes)

    def _lost(self) -> None:
        self._connection = None
        if self._row is not None:
            self._finish(OUTCOME_CLOSED, 0)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    def _finish(self, outcome: str, size_bytes: int) -> None:
        if self._row is None or self._loop is None:
            return
        row, self._row = self._row, None
        self._loop.tally.record(row, outcome, time.perf_counter_ns() - self._sent_ns, size_bytes)
        self._next()
