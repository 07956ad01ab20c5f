"""Open loop: requests fall due at random instants, whether or not the server has answered the ones before.

Latency counts from the instant a request was due, so that a stall is felt by all who had to wait behind it and not
only by the one that met it (the error known as coordinated omission).

A request takes the connection that was used last, so that few are in use; where none is idle, one more is made. Where
the pool may have no more, the request waits here for the first that gets free, and its latency includes that. A server
with fewer slots than there are connections would have let it wait just as long.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import random
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from plimsoll.profiling.latency import encode_histogram
from plimsoll.profiling.load.pool import Pool
from plimsoll.profiling.load.requests import Prepared, RowOrder
from plimsoll.profiling.load.slot import Slot
from plimsoll.profiling.load.tally import Tally

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_NS_PER_S = 1_000_000_000


class _Timer(ctypes.Structure):
    """struct itimerspec: the interval stays 0, so that it rings once."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Alarm:
    """Calls back at an exact instant of the monotonic clock, once per `set`; `close` gives the descriptor back.

    The event loop's own timers count whole milliseconds, which for a model of a few milliseconds is a big error. A
    timerfd (timerfd_create(2)) is exact to tens of microseconds and costs no busy waiting.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"timerfd_create: {os.strerror(number)}")
        self._ring = ring
        asyncio.get_running_loop().add_reader(self._file, self._wake)

    def set(self, at_ns: int) -> None:
        """Rings at this reading of `time.perf_counter_ns()`, at once if that is over."""
        timer = _Timer(0, 0, *divmod(max(1, at_ns), _NS_PER_S))
        self._libc.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(timer), None)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._file, 8)
            self._ring()


_PARTS = 20


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A Poisson process over `seconds`; more than `most_in_flight` at once end it before its time."""

    rate_rps: float
    seconds: float
    seed: int
    most_in_flight: int

    def offsets_ns(self) -> list[int]:
        """Instants after the beginning, the same for the same seed: exponential gaps.

        Scaled so that there are exactly rate · time of them, at least one: the level then has the rate it is named
        after. Given their number, the instants of a Poisson process are distributed just so.
        """
        # Repeatable arrivals, nothing secret.
        draw = random.Random(self.seed)  # noqa: S311
        count = max(1, round(self.rate_rps * self.seconds))
        sums = list(itertools.accumulate(draw.expovariate(1.0) for _ in range(count + 1)))
        return [round(at / sums[-1] * self.seconds * 1e9) for at in sums[:-1]]


class OpenLoop:
    """One stretch of arrivals; so many connections are made before it begins."""

    def __init__(self, pool: Pool, connections: int, requests: Prepared, order: RowOrder, plan: Arrivals) -> None:
        self._pool = pool
        self._connected = len(pool.first(connections))
        self._idle = pool.slots[::-1]
        self._requests = requests
        self._order = order
        self._plan = plan
        self._offsets_ns = plan.offsets_ns()
        self._arrived = 0
        self._sent = 0
        self._waited = 0
        self._overrun = False
        self._lateness_ns = array("q")
        self._in_flight = array("q")
        self._done = asyncio.Event()
        self.tally = Tally(requests.expected, requests.answers)

    async def run(self) -> dict[str, Any]:
        """Connects, sends every request at its instant, waits for the last answer."""
        await self._pool.connect(self._connected)
        alarm = Alarm(lambda: self._ring(alarm))
        self.tally = Tally(self._requests.expected, self._requests.answers)
        alarm.set(self._due_ns(0))
        expiry = asyncio.create_task(self._pool.expire_forever())
        try:
            await self._done.wait()
        finally:
            expiry.cancel()
            alarm.close()
        return self.tally.as_message(len(self._pool.slots), self._order.at_pass_end) | self._extras()

    def take(self) -> tuple[int, bytes, int] | None:
        """A request that is due, or None where there is none at the moment."""
        if self._sent == self._arrived:
            return None
        due_ns = self._due_ns(self._sent)
        self._sent += 1
        row = self._order.take()
        return row, self._requests.wire[row], due_ns

    def release(self, slot: Slot) -> None:
        """It waits for the next arrival; the last answer after the last arrival ends the stretch."""
        self._idle.append(slot)
        if self._over and not self._busy:
            self._done.set()

    @property
    def _busy(self) -> int:
        return len(self._pool.slots) - len(self._idle)

    @property
    def _over(self) -> bool:
        return self._overrun or self._arrived == len(self._offsets_ns)

    def _due_ns(self, number: int) -> int:
        return self.tally.begun_ns + self._offsets_ns[number]

    def _ring(self, alarm: Alarm) -> None:
        now_ns = time.perf_counter_ns()
        while not self._over and self._due_ns(self._arrived) <= now_ns:
            # What an arrival finds before it is the average over time (Poisson arrivals see time averages).
            self._in_flight.append(self._busy + self._arrived - self._sent)
            self._overrun = self._in_flight[-1] >= self._plan.most_in_flight
            if not self._overrun:
                self._arrived += 1
                self._send()
        if not self._over:
            alarm.set(self._due_ns(self._arrived))

    def _send(self) -> None:
        slot = self._idle.pop() if self._idle else self._pool.another()
        if slot is None:
            self._waited += 1
            return
        self._lateness_ns.append(time.perf_counter_ns() - self._due_ns(self._sent))
        slot.start(self)

    def _extras(self) -> dict[str, Any]:
        return {
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
