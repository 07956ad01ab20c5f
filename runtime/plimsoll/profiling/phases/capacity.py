"""Phase: closed-loop levels of 1, 2, 4, … connections, or 1, 4, 16, …, until more bring no more throughput."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from plimsoll.profiling.advice.batching import BatchUse, best_batch_size, fit_batches
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.latency import MOST_FAILED_SHARE, Distribution
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.metrics import MOST_CONNECTIONS
from plimsoll.profiling.measure.server import NotMeasured, ServerUnderTest
from plimsoll.profiling.measure.window import Pace, Window, pace, pool_windows
from plimsoll.profiling.plan import SHORT_BUDGET_S
from plimsoll.profiling.result.base import LatencySeconds, LevelMemory
from plimsoll.profiling.result.measurements import (
    BatchFitResult,
    BatchLevelResult,
    ConcurrencyLevel,
    LatencyCurve,
    LevelWindows,
)

_SMALLEST_GAIN = 0.05
_FLAT_LEVELS = 2
_SLOW_S = 1.0
_KNEE_SHARE = 0.95
_LEVELS_TO_PLAN_FOR = 6
# With a short budget there is no time for every power of two.
_STEP, _LONG_STEP = 2, 4
_WINDOWS = 3
_CURVE_SHARES = (*(step / 40 for step in range(1, 40)), 0.99, 0.995, 0.999, 0.9995, 0.9999)
TIME_WAS_UP = "the time was up"


@dataclass(frozen=True)
class Level:
    """One number of connections: its windows, and in `result` what they come to.

    `memory` is read when it is over, its peaks are the level's. `batches` is None where run() takes single calls.
    """

    connections: int
    windows: tuple[Window, ...]
    memory: TreeMemory
    unexpected_failures: int
    batches: BatchUse | None = None

    @cached_property
    def window(self) -> Window:
        """All of them as one, the pauses in between left out."""
        return pool_windows(self.windows)

    @cached_property
    def latency(self) -> Distribution:
        """Of all windows; `unexpected_failures` are in none of them."""
        return dataclasses.replace(self.window.answer.latency, failed=self.unexpected_failures)

    @cached_property
    def result(self) -> ConcurrencyLevel:
        """As it is written."""
        window, load = self.window, self.window.answer
        return ConcurrencyLevel(
            connections=self.connections,
            requests=load.requests,
            successes=load.successes,
            outcomes=load.outcomes,
            seconds=load.elapsed_s,
            requests_per_second=load.throughput_rps,
            latency_seconds=LatencySeconds.over(self.latency),
            cpu_seconds_per_request=window.cpu_per_request_s,
            cores_used=window.cores_used(load.elapsed_s),
            memory=LevelMemory.held(self.memory.total),
            whole_passes=load.whole_passes,
            driver_cores=load.driver_cpu_s / load.elapsed_s,
            elsewhere_cores=window.elsewhere_cores,
            little_ratio=self._little_ratio(),
        )

    def _little_ratio(self) -> float | None:
        """Throughput · latency / connections, failures included: 1 by Little's law when nothing disturbed the level."""
        load = self.window.answer
        if not load.successes:
            return None
        all_rps = load.throughput_rps * load.requests / load.successes
        return all_rps * (load.latency.sum_s + load.failure_latency_sum_s) / load.requests / self.connections

    @property
    def ramp(self) -> float:
        """By how much the ratio of Little's law falls short of 1 by itself.

        A window of n requests begins with an empty queue: of its first C the k-th waits for k - 1 others and not for
        C - 1, which leaves out (C - 1) / 2n of all the time.
        """
        requests = self.window.answer.requests
        return (self.connections - 1) * len(self.windows) / (2 * requests) if requests else 0.0

    @property
    def failing(self) -> bool:
        """Whether more than 1 % failed."""
        return self.unexpected_failures > MOST_FAILED_SHARE * self.window.answer.requests

    def curve(self) -> LatencyCurve:
        """Without shares that not a single request stands for."""
        count = self.latency.count
        shares = [*(share for share in _CURVE_SHARES if share <= 1 - 1 / count), 1.0]
        seconds = [self.latency.rank_s(share * count) for share in shares]
        return LatencyCurve(connections=self.connections, requests=count, shares=shares, seconds=seconds)

    def one_by_one(self) -> LevelWindows:
        """The windows, whose spread is the interval of what `result` states as a mean."""
        return LevelWindows(
            connections=self.connections,
            requests_per_second=[window.answer.throughput_rps for window in self.windows],
            cpu_seconds_per_request=[window.cpu_per_request_s for window in self.windows],
        )


@dataclass(frozen=True, slots=True)
class Capacity:
    """The levels in the order they were run, and why no further one was; `bounded`: for want of connections."""

    levels: tuple[Level, ...] = ()
    stopped: str = "not run"
    bounded: bool = False

    def with_level(self, level: Level) -> Capacity:
        return dataclasses.replace(self, levels=(*self.levels, level))

    def without_more(self, why: str, bounded: bool = False) -> Capacity:
        """The search for the peak throughput has ended."""
        return dataclasses.replace(self, stopped=why, bounded=bounded)

    def in_place_of(self, level: Level, better: Level) -> Capacity:
        """The same with another level in the place of this one."""
        return dataclasses.replace(self, levels=tuple(better if one is level else one for one in self.levels))

    def cut_short(self) -> bool:
        """Whether the time was up while more connections still brought more answers, or before that could be known."""
        if self.stopped != TIME_WAS_UP or not self.levels:
            return False
        *before, last = self.levels
        best_rps = dataclasses.replace(self, levels=tuple(before)).best_rps()
        return last.result.requests_per_second > best_rps * (1 + _SMALLEST_GAIN)

    def alone(self) -> Level | None:
        """The level with one connection, at which nothing waits."""
        return next((level for level in self.levels if level.connections == 1), None)

    def max_batch_size(self) -> int | None:
        """None where run() takes single calls."""
        return next((level.batches.max_size for level in self.levels if level.batches), None)

    def batch_levels(self) -> list[BatchLevelResult]:
        """Where batches were run."""
        return [
            BatchLevelResult.of(
                level.result, batches=round(use.batches), batch_size=use.mean_size, run_seconds=use.mean_run_s
            )
            for level in self.levels
            if (use := level.batches) is not None and use.runs
        ]

    def batch_fit(self, slo: Slo | None) -> BatchFitResult | None:
        """How the time of a batch depends on its size, and which size is worth collecting, under an objective if any.

        None where batches of too few sizes were seen.
        """
        most = self.max_batch_size()
        fit = fit_batches(level.batches for level in self.levels if level.batches)
        if fit is None or most is None:
            return None
        return BatchFitResult(
            seconds_per_call=fit.call_s,
            seconds_per_batch=fit.batch_s,
            largest_size=most,
            best_size=best_batch_size(fit, most, slo.seconds if slo else None),
        )

    def sound(self) -> list[Level]:
        """The levels in which few requests failed; all of them where there is none."""
        return [level for level in self.levels if not level.failing] or list(self.levels)

    def best_rps(self) -> float:
        return max((level.result.requests_per_second for level in self.sound()), default=0.0)

    def knee(self) -> Level | None:
        """The fewest connections that reach 95 % of the peak throughput."""
        return next(iter(self.saturated()), None)

    def saturated(self) -> list[Level]:
        """All levels that reach 95 % of the peak throughput."""
        least_rps = self.best_rps() * _KNEE_SHARE
        reached = [level for level in self.sound() if level.result.requests_per_second >= least_rps]
        return [level for level in reached if level.result.successes]

    def curves(self) -> list[LatencyCurve]:
        """With one connection and at the knee."""
        knee = self.knee()
        wanted = [level for level in self.levels if level.connections == 1 or level is knee]
        return [level.curve() for level in wanted if level.result.successes and not level.latency.withheld]


def find_capacity(server: ServerUnderTest, rate_rps: float, budget_s: float) -> Iterator[Capacity]:
    """Runs levels until the gain over the best so far is under 5 % twice, requests fail, or the time is up.

    Yields what is known after each level, and last why there is no further one.
    """
    watch, found, flat = server.begin("capacity", budget_s, steady=True), Capacity(), 0
    batches = server.batches()
    batch_size = batches.max_size if batches else None
    step = _LONG_STEP if server.options.budget_s < SHORT_BUDGET_S else _STEP
    counts = list(connection_counts(server.options.slots, 1 / rate_rps, batch_size, server.most_connections, step))
    # How long a batch takes is only known from batches of all sizes: short levels, but every one of them.
    levels, windows = (len(counts), 1) if batches else (_LEVELS_TO_PLAN_FOR, _WINDOWS)
    for connections in counts:
        parts, best_rps = max(1, levels - len(found.levels)), found.best_rps()
        expected_rps = max(rate_rps * min(connections, server.options.slots), best_rps)
        plan = pace(server.options.budget_s, watch.left_s() / parts, expected_rps, len(server.rows), windows)
        if found.levels and watch.left_s() < plan.expected_s:
            yield found.without_more(TIME_WAS_UP)
            return
        try:
            level = run_level(server, connections, plan)
        except NotMeasured as lost:
            if not found.levels:
                raise
            yield found.without_more(f"with {connections} connections {lost}")
            return
        found = found.with_level(level)
        flat = flat + 1 if level.result.requests_per_second < best_rps * (1 + _SMALLEST_GAIN) else 0
        if why := _why_enough(level, flat):
            yield found.without_more(why)
            return
        yield found
    if counts[-1] == server.most_connections < MOST_CONNECTIONS:
        why = f"the limit on open files allows {server.most_connections} connections"
        yield found.without_more(why, bounded=True)
    else:
        yield found.without_more("every level was run")


def _why_enough(level: Level, flat: int) -> str:
    if level.failing:
        return f"with {level.connections} connections {level.unexpected_failures} requests failed"
    if flat == _FLAT_LEVELS:
        return "more connections raised the throughput by less than 5 %, twice in a row"
    return ""


def connection_counts(
    slots: int, latency_s: float, max_batch_size: int | None = None, most: int = MOST_CONNECTIONS, step: int = _STEP
) -> Iterator[int]:
    """1, 2, 4, … or by another `step`; where one request takes over a second only one, one per slot and two per slot.

    Where run() takes batches, 1, 4, 16, … up to two full batches per slot: one that runs and one that fills up.
    """
    full = slots * (max_batch_size or 1)
    if latency_s > _SLOW_S:
        yield from sorted({1, min(slots, most), min(2 * full, most)})
        return
    most = min(most, 2 * full) if max_batch_size else most
    connections = 1
    while connections < most:
        yield connections
        connections *= _LONG_STEP if max_batch_size else step
    yield most


def run_level(server: ServerUnderTest, connections: int, plan: Pace) -> Level:
    """One number of connections for a while; no more than can be had."""
    connections = min(connections, server.most_connections)
    server.meter.reset_peaks()
    before = server.batches()
    windows = tuple(
        server.window(connections, plan.seconds, plan.max_seconds, plan.whole_passes) for _ in range(plan.windows)
    )
    after = server.batches()
    use = after.since(before) if after and before else None
    return Level(connections, windows, server.meter.memory(), server.unexpected(windows), use)
