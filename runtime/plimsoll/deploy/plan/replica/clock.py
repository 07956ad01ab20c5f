"""Two clocks: the one on the wall, and one that stands still while the replica does.

By the second one a queue knows nothing of pauses, which keeps its recursion exact.
"""

from __future__ import annotations

from bisect import bisect_left
from random import Random

from plimsoll.deploy.plan.replica.model import Pauses


class WorkClock:
    """Pauses are drawn as far as they are asked for."""

    def __init__(self, pauses: Pauses, random: Random) -> None:
        self._pauses, self._random = pauses, random
        self._begins = [random.expovariate(pauses.per_s)]
        self._before = [0.0, random.expovariate(1 / pauses.mean_s)]
        self._next = 0

    def work(self, wall_s: float) -> float:
        """Seconds of work until then; must be asked in the order of time."""
        while self._begins[self._next] + self._before[self._next + 1] <= wall_s:
            self._next += 1
            if self._next == len(self._begins):
                self._draw()
        return min(wall_s - self._before[self._next], self._begins[self._next])

    def wall(self, work_s: float) -> float:
        """When so much work is done."""
        while self._begins[-1] < work_s:
            self._draw()
        return work_s + self._before[bisect_left(self._begins, work_s)]

    def _draw(self) -> None:
        self._begins.append(self._begins[-1] + self._random.expovariate(self._pauses.per_s))
        self._before.append(self._before[-1] + self._random.expovariate(1 / self._pauses.mean_s))
