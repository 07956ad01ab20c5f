"""The front's only timer for calls: rings every so often while any waits or runs, and says how late it rang."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


def _nobody_asks(lag_s: float) -> None:
    """Nobody wants to know."""


class Sweep:
    """`sweep` gets the time and answers whether there is something to time until the next ring.

    A ring that is late shows that the event loop stood still. It may have done so for up to one period longer than the
    ring is late: nobody looked at it before the ring was due.
    """

    def __init__(self, period_s: float, sweep: Callable[[float], bool]) -> None:
        self._period_s = period_s
        self._sweep = sweep
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self.on_lag: Callable[[float], None] = _nobody_asks
        """Called at every ring with how late it is."""

    def wake(self) -> None:
        """There is something to time."""
        if self._timer is None:
            self._set()

    def _set(self) -> None:
        self._due_s = time.monotonic() + self._period_s
        self._timer = self._loop.call_later(self._period_s, self._ring)

    def _ring(self) -> None:
        now_s, goes_on = time.monotonic(), True
        self.on_lag(max(0.0, now_s - self._due_s))
        try:
            goes_on = self._sweep(now_s)
        finally:  # without the next one nothing would ever time out
            self._timer = None
            if goes_on:
                self._set()
