"""Stretches of load: a closed loop, whose connections wait for answers, and an open one, in which requests just come.

In the open loop latency counts from the instant a request was due, so that a stall is felt by all who had to wait
behind it and not only by the one that met it (the error known as coordinated omission). A request takes the connection
that was used last, so that few are in use; where none is idle, one more is made. Where the pool may have no more, the
request waits here for the first that gets free, and its latency includes that. A server with fewer slots than there are
connections would have let it wait just as long.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from abc import ABC, abstractmethod
from array import array
from dataclasses import dataclass
from typing import Any

from plimsoll.profiling.latency import encode_histogram
from plimsoll.profiling.load.pool import Pool
from plimsoll.profiling.load.recorded import RecordedOrder, Recording
from plimsoll.profiling.load.requests import Requests, RowOrder
from plimsoll.profiling.load.sender import Sender
from plimsoll.profiling.load.statistics import LoadStatistics
from plimsoll.profiling.load.timers import Alarm

_PARTS = 20


@dataclass(frozen=True, slots=True)
class Until:
    """When to stop sending: at a pass's end after `seconds` if `whole_passes`, never later than `max_seconds`."""

    seconds: float
    max_seconds: float
    whole_passes: bool = False
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A Poisson process over `seconds`; more than `most_in_flight` at once end it before its time."""

    rate_rps: float
    seconds: float
    seed: int
    most_in_flight: int
    recorded: bool = False
    """The gaps of the recorded requests instead, in their order; see plimsoll.profiling.load.recorded."""

    @property
    def count(self) -> int:
        return max(1, round(self.rate_rps * self.seconds))

    def offsets_ns(self) -> list[int]:
        """Instants after the beginning, the same for the same seed: exponential gaps.

        Scaled so that there are exactly rate · time of them, at least one: the level then has the rate it is named
        after. Given their number, the instants of a Poisson process are distributed just so.
        """
        # Repeatable arrivals, nothing secret.
        draw = random.Random(self.seed)  # noqa: S311
        sums = list(itertools.accumulate(draw.expovariate(1.0) for _ in range(self.count + 1)))
        return [round(at / sums[-1] * self.seconds * 1e9) for at in sums[:-1]]


class Loop(ABC):
    """One stretch of load: the rows in their order, and what became of them. So many connections are made before."""

    def __init__(self, pool: Pool, connections: int, requests: Requests, order: RowOrder) -> None:
        self._order: RowOrder | RecordedOrder = order
        self._pool = pool
        self._first = pool.first(connections)
        self._requests = requests
        self._done = asyncio.Event()
        self.statistics = LoadStatistics(requests)

    async def run(self) -> dict[str, Any]:
        """Waits for the last answer."""
        await self._pool.connect(len(self._first))
        self.statistics = LoadStatistics(self._requests)
        self._begin()
        pauses = await self._pool.wait(self._done)
        return self.statistics.as_message(self._order.at_pass_end, pauses) | self._message()

    @abstractmethod
    def _begin(self) -> None:
        """The clock runs from now on."""

    @abstractmethod
    def _message(self) -> dict[str, Any]:
        """What there is to say besides."""


class ClosedLoop(Loop):
    """Each connection sends its next request when the last one is answered."""

    def __init__(self, pool: Pool, connections: int, requests: Requests, order: RowOrder, until: Until) -> None:
        super().__init__(pool, connections, requests, order)
        self._until = until
        self._issued = 0
        self._running = len(self._first)

    def take(self) -> tuple[int, bytes, int] | None:
        """The next request, due now, or None when enough were sent."""
        if not self.statistics.stopped_ns and self._enough():
            self.statistics.stopped_ns = time.perf_counter_ns()
        if self.statistics.stopped_ns:
            return None
        self._issued += 1
        row = self._order.take()
        return row, self._requests.wire[row], time.perf_counter_ns()

    def release(self, sender: Sender) -> None:
        self._running -= 1
        if self._running == 0:
            self._done.set()

    def _begin(self) -> None:
        for sender in self._first:
            sender.start(self)

    def _message(self) -> dict[str, Any]:
        return {"connections": len(self._first)}

    def _enough(self) -> bool:
        if self._until.requests is not None:
            return self._issued >= self._until.requests
        elapsed_s = (time.perf_counter_ns() - self.statistics.begun_ns) / 1e9
        if elapsed_s >= self._until.max_seconds:
            return True
        return elapsed_s >= self._until.seconds and (not self._until.whole_passes or self._order.at_pass_end)


class OpenLoop(Loop):
    """Requests fall due at random instants, whether or not the server has answered the ones before.

    Or when those of a `recording` did, which then gives their order too.
    """

    def __init__(
        self,
        pool: Pool,
        connections: int,
        requests: Requests,
        order: RowOrder,
        plan: Arrivals,
        recording: Recording | None = None,
    ) -> None:
        super().__init__(pool, connections, requests, order)
        self._idle = pool.senders[::-1]
        self._plan = plan
        if recording is None:
            self._offsets_ns = plan.offsets_ns()
        else:
            self._offsets_ns, self._order = recording.replayed(plan.seconds, plan.count, plan.seed)
        self._arrived = 0
        self._sent = 0
        self._waited = 0
        self._overrun = False
        self._lateness_ns = array("q")
        self._in_flight = array("q")

    async def run(self) -> dict[str, Any]:
        """Sends every request at its instant."""
        self._alarm = Alarm(self._ring)
        try:
            return await super().run()
        finally:
            self._alarm.close()

    def take(self) -> tuple[int, bytes, int] | None:
        if self._sent == self._arrived:
            return None
        due_ns = self._due_ns(self._sent)
        self._sent += 1
        row = self._order.take()
        return row, self._requests.wire[row], due_ns

    def release(self, sender: Sender) -> None:
        """It waits for the next arrival; the last answer after the last arrival ends the stretch."""
        self._idle.append(sender)
        if self._over and not self._busy:
            self._done.set()

    @property
    def _busy(self) -> int:
        return len(self._pool.senders) - len(self._idle)

    @property
    def _over(self) -> bool:
        return self._overrun or self._arrived == len(self._offsets_ns)

    def _due_ns(self, number: int) -> int:
        return self.statistics.begun_ns + self._offsets_ns[number]

    def _begin(self) -> None:
        self._alarm.set(self._due_ns(0))

    def _ring(self) -> None:
        now_ns = time.perf_counter_ns()
        while not self._over and self._due_ns(self._arrived) <= now_ns:
            # What an arrival finds before it is the average over time (Poisson arrivals see time averages).
            self._in_flight.append(self._busy + self._arrived - self._sent)
            self._overrun = self._in_flight[-1] >= self._plan.most_in_flight
            if not self._overrun:
                self._arrived += 1
                self._send()
        if not self._over:
            self._alarm.set(self._due_ns(self._arrived))

    def _send(self) -> None:
        sender = self._idle.pop() if self._idle else self._pool.another()
        if sender is None:
            self._waited += 1
            return
        self._lateness_ns.append(time.perf_counter_ns() - self._due_ns(self._sent))
        sender.start(self)

    def _message(self) -> dict[str, Any]:
        return {
            "connections": len(self._pool.senders),
            "offered": len(self._offsets_ns),
            "overrun": self._overrun,
            "waited": self._waited,
            "lateness": encode_histogram(self._lateness_ns),
            "latenessSumSeconds": sum(self._lateness_ns) / 1e9,
            "mostInFlight": max(self._in_flight),
            "inFlight": self._in_flight_parts(),
        }

    def _in_flight_parts(self) -> list[float]:
        """Means over equal numbers of arrivals, in order."""
        parts = min(_PARTS, len(self._in_flight))
        edges = [len(self._in_flight) * part // parts for part in range(parts + 1)]
        return [sum(self._in_flight[begin:end]) / (end - begin) for begin, end in itertools.pairwise(edges)]
