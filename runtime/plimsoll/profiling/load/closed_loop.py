"""Closed loop: each connection sends its next request when the last one is answered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from plimsoll.profiling.load.pool import Pool
from plimsoll.profiling.load.requests import Prepared, RowOrder
from plimsoll.profiling.load.slot import Slot
from plimsoll.profiling.load.tally import Tally


@dataclass(frozen=True, slots=True)
class Until:
    """When to stop sending: at a pass's end after `seconds` if `whole_passes`, never later than `max_seconds`."""

    seconds: float
    max_seconds: float
    whole_passes: bool = False
    requests: int | None = None


class ClosedLoop:
    """One stretch of load over so many connections of the pool."""

    def __init__(self, pool: Pool, connections: int, requests: Prepared, order: RowOrder, until: Until) -> None:
        self._pool = pool
        self._slots = pool.first(connections)
        self._requests = requests
        self._order = order
        self._until = until
        self._issued = 0
        self._running = len(self._slots)
        self._done = asyncio.Event()
        self.tally = Tally(requests.expected, requests.answers)

    async def run(self) -> dict[str, Any]:
        """Connects, sends until it is time to stop, waits for the last answer."""
        await self._pool.connect(len(self._slots))
        self.tally = Tally(self._requests.expected, self._requests.answers)
        for slot in self._slots:
            slot.start(self)
        expiry = asyncio.create_task(self._pool.expire_forever())
        await self._done.wait()
        expiry.cancel()
        return self.tally.as_message(len(self._slots), self._order.at_pass_end)

    def take(self) -> tuple[int, bytes, int] | None:
        """The next request, due now, or None when enough were sent."""
        if not self.tally.stopped_ns and self._enough():
            self.tally.stopped_ns = time.perf_counter_ns()
        if self.tally.stopped_ns:
            return None
        self._issued += 1
        row = self._order.take()
        return row, self._requests.wire[row], time.perf_counter_ns()

    def release(self, slot: Slot) -> None:
        """The last one ends the stretch."""
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
