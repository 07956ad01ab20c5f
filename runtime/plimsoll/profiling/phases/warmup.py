"""Phase: load until the figures stand still. Caches, branch predictors, allocators and JITs have settled then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.profiling.measure.server import ServerUnderTest
from plimsoll.profiling.measure.window import Window, pace
from plimsoll.profiling.statistics import spread

STEADY_SPREAD = 1.10
LOOK_BACK = 3
_MOST_WINDOWS = 10


@dataclass(frozen=True, slots=True)
class Warmup:
    """Windows of the warm-up; they are not measured with."""

    windows: tuple[Window, ...] = ()

    @property
    def steady(self) -> bool:
        """Throughput, mean latency and CPU per request each within 10 % over the last three windows."""
        return len(self.windows) >= LOOK_BACK and self.last_spread() <= STEADY_SPREAD

    def last_spread(self) -> float:
        """The widest of the three figures' max/min over the last three windows."""
        last = self.windows[-LOOK_BACK:]
        return max(
            spread([window.answer.throughput_rps for window in last]),
            spread([window.answer.latency.mean_s() or 0.0 for window in last]),
            spread([window.cpu_per_request_s for window in last]),
        )


def warm_up(server: ServerUnderTest, rate_rps: float, budget_s: float) -> Iterator[Warmup]:
    """Closed loop with one connection per slot, until steady, ten windows, or the end of the time for it."""
    found = Warmup()
    watch = server.begin("warm-up", budget_s)
    plan = pace(server.options.budget_s, budget_s / 2, rate_rps, len(server.rows))
    while not found.steady and len(found.windows) < _MOST_WINDOWS:
        if found.windows and watch.left_s() < plan.seconds:
            return
        window = server.window(server.options.slots, plan.seconds, plan.max_seconds, plan.whole_passes)
        found = Warmup((*found.windows, window))
        yield found
