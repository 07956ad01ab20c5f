"""Phase: load until the figures are steady. Caches, branch predictors, allocators and JITs have settled then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from plimsoll.profiling.measure.server import ServerUnderTest
from plimsoll.profiling.measure.window import Window, pace
from plimsoll.profiling.result.measurements import WarmupResult
from plimsoll.profiling.statistics import goes_one_way, spread

_STEADY_SPREAD = 1.10
LOOK_BACK = 3
_MOST_WINDOWS = 10


def warm_up(server: ServerUnderTest, rate_rps: float, budget_s: float) -> Iterator[WarmupResult]:
    """Closed loop with one connection per slot, until steady, ten windows, or the end of the time for it."""
    windows: list[Window] = []
    watch = server.begin("warm-up", budget_s)
    plan = pace(server.options.budget_s, budget_s / 2, rate_rps, len(server.rows))
    while len(windows) < _MOST_WINDOWS and (not windows or watch.left_s() >= plan.seconds):
        windows.append(server.window(server.options.slots, plan.seconds, plan.max_seconds, plan.whole_passes))
        found = judge_warmup(windows)
        yield found
        if found.steady:
            return


def judge_warmup(windows: Sequence[Window]) -> WarmupResult:
    """Steady: neither throughput nor mean latency nor CPU per request drifted by over 10 % in the last three windows.

    What goes up and down is the machine: no warm-up ends that. A window without any answer is no steady state.
    """
    last = windows[-LOOK_BACK:]
    figures = (
        [window.answer.throughput_rps for window in last],
        [window.answer.latency.mean_s() or 0.0 for window in last],
        [window.cpu_per_request_s for window in last],
    )
    widest = max(map(spread, figures))
    drift = max((spread(figure) for figure in figures if goes_one_way(figure)), default=1.0)
    return WarmupResult(
        steady=len(windows) >= LOOK_BACK and drift <= _STEADY_SPREAD and widest < math.inf,
        windows=len(windows),
        requests=sum(window.answer.requests for window in windows),
        seconds=sum(window.answer.elapsed_s for window in windows),
        spread=widest if widest < math.inf else None,
    )
