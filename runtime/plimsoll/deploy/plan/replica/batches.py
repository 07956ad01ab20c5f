"""The same stretch of time where run() takes several calls at once.

A server that becomes free takes all that wait, up to the largest batch; nothing waits for a batch to fill.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from heapq import heapify, heapreplace

from plimsoll.deploy.plan.replica.model import BatchTimes
from plimsoll.deploy.plan.replica.present import Present
from plimsoll.deploy.plan.replica.stretch import Stretch, Window

_Call = tuple[float, int]
"""When it came, and its place among the latencies; a negative one for what does not count here."""
_NOT_COUNTED = -1


class BatchRun:
    """Calls in the order in which they arrive.

    It goes on beyond the end until all that count are answered: who goes into a batch with them depends on who comes
    later.
    """

    def __init__(self, stretch: Stretch, times: BatchTimes) -> None:
        self._stretch, self._times = stretch, times
        self._model, self._deadlines, clock = stretch.model, stretch.deadlines, stretch.clock
        self._work: Callable[[float], float] = clock.work if clock else _same
        self._wall: Callable[[float], float] = clock.wall if clock else _same
        self._queue: deque[_Call] = deque((came_s, _NOT_COUNTED) for came_s in stretch.present.came_s)
        self._latencies_s: list[float | None] = []
        self._unanswered = 0
        self._end_s = math.inf
        """Of the stretch, in seconds of work: known once somebody comes after it."""

    def run(self) -> Window:
        free, queue, left = self._stretch.servers(), self._queue, None
        heapify(free)
        at_s, now_s = self._next()
        while left is None or self._unanswered:
            begin_s = free[0] if queue else max(free[0], now_s)
            while now_s <= begin_s < math.inf:
                self._admit(at_s, now_s, now_s >= free[0])
                at_s, now_s = self._next()
            if left is None and begin_s >= self._end_s:
                left = self._there(free)
            self._give_up(begin_s)
            if queue:
                heapreplace(free, self._answer(begin_s))
        return self._stretch.over(self._latencies_s, left)

    def _next(self) -> tuple[float, float]:
        """Who comes next, by both clocks, which have to be asked in the order of time."""
        at_s = next(self._stretch.arrivals, math.inf)
        if at_s >= self._stretch.seconds and self._end_s == math.inf:
            self._end_s = self._work(self._stretch.seconds)
        return at_s, at_s if at_s == math.inf else self._work(at_s)

    def _admit(self, at_s: float, now_s: float, is_free: bool) -> None:
        counted = at_s < self._stretch.seconds
        if self._has_room(now_s) or (is_free and not self._queue):
            self._queue.append((at_s, len(self._latencies_s) if counted else _NOT_COUNTED))
            self._unanswered += counted
        if counted:
            self._latencies_s.append(None)

    def _has_room(self, now_s: float) -> bool:
        if self._deadlines is None:
            return len(self._queue) < self._model.most_waiting
        self._give_up(now_s)
        return not self._deadlines.refuses(len(self._queue), now_s)

    def _give_up(self, now_s: float) -> None:
        """What has waited until its deadline."""
        if self._deadlines is None:
            return
        queue, longest_s = self._queue, self._deadlines.patience.queue_s
        while queue and self._wall(now_s) - queue[0][0] > longest_s:
            if queue.popleft()[1] >= 0:
                self._unanswered -= 1
                self._deadlines.in_vain_s += longest_s

    def _answer(self, begin_s: float) -> float:
        """When the batch that begins now is done."""
        queue, latencies_s, delay_s = self._queue, self._latencies_s, self._model.delay_s
        size = min(len(queue), self._times.largest)
        values = self._stretch.random.choices(self._model.shape.values, k=size)
        run_s = self._times.run_s(size) * sum(values) / size
        done_s = begin_s + run_s
        answered_s = self._wall(done_s) + self._stretch.added_s
        deadlines = self._deadlines
        if deadlines:
            deadlines.begin(done_s, run_s, size)
        for value in values:
            came_s, place = queue.popleft()
            if place >= 0:
                self._unanswered -= 1
                latency_s = answered_s - came_s + value * delay_s
                latencies_s[place] = deadlines.kept(latency_s) if deadlines else latency_s
        return done_s

    def _there(self, free: list[float]) -> Present:
        end_s, seconds = self._end_s, self._stretch.seconds
        return Present(
            tuple(free_s - end_s for free_s in free if free_s > end_s),
            came_s=tuple(came_s - seconds for came_s, _ in self._queue if came_s < seconds),
        )


def _same(wall_s: float) -> float:
    return wall_s
