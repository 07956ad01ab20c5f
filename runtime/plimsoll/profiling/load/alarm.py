"""Calls back at an exact instant of the monotonic clock.

The event loop's own timers count whole milliseconds, which for a model of a few milliseconds is a big error. A
timerfd (timerfd_create(2)) is exact to tens of microseconds and costs no busy waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable

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
    """Rings once per `set`; `close` gives the descriptor back."""

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
        """Never rings again."""
        asyncio.get_running_loop().remove_reader(self._file)
        os.close(self._file)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._file, 8)
            self._ring()
