"""Timers of the driver: one that rings at an exact instant, and one that tells whether the driver itself stood still.

What is measured while it stood still, perhaps with the whole machine, is not the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Sequence
from typing import Self

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_NS_PER_S = 1_000_000_000
# struct itimerspec: seconds and nanoseconds of the interval, which stay 0 so that it rings once, then of the instant.
_Timer = ctypes.c_long * 4
_PERIOD_S = 0.02
# Timers of the event loop count whole milliseconds, and a full round of answers takes some.
_LATE_NS = 10_000_000

Pauses = Sequence[tuple[int, int]]
"""Begin and end of each, in nanoseconds of the monotonic clock."""


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


class Pulse:
    """Should ring fifty times a second, and rings late where this process got no CPU or was busy otherwise.

    It is Gil Tene's jHiccup, inside the process that measures.
    """

    def __init__(self) -> None:
        self.pauses: list[tuple[int, int]] = []
        self._due_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._set()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self) -> None:
        self._due_ns = time.perf_counter_ns() + round(_PERIOD_S * 1e9)
        self._timer = asyncio.get_running_loop().call_later(_PERIOD_S, self._ring)

    def _ring(self) -> None:
        now_ns = time.perf_counter_ns()
        if now_ns - self._due_ns > _LATE_NS:
            self.pauses.append((self._due_ns, now_ns))
        self._set()


def paused_ns(pauses: Pauses, begin_ns: int, end_ns: int) -> int:
    """How much of the time between these two instants it stood still."""
    return sum(max(0, min(end_ns, end) - max(begin_ns, begin)) for begin, end in pauses)
