"""Phase: closed-loop levels of 1, 2, 4, … connections until more of them bring no more answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.profiling.advice.batching import BatchUse, best_batch_size, fit_batches
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.latency import MOST_FAILED_SHARE, Distribution, pool
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.metrics import MOST_CONNECTIONS
from plimsoll.profiling.measure.server import NotMeasured, ServerUnderTest
from plimsoll.profiling.measure.window import Pace, Window, pace
from plimsoll.profiling.result.levels import BatchFitResult
from plimsoll.profiling.statistics import rank_percentile

_SMALLEST_GAIN = 0.05
_FLAT_LEVELS = 2
_SLOW_S = 1.0
_KNEE_SHARE = 0.95
_LEVELS_TO_PLAN_FOR = 5
_BATCH_STEP = 4
_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class Level:
    """One number of connections; `memory` is read when it is over, its peaks are the level's.

    `batches` is None where run() takes single calls.
    """

    connections: int
    windows: tuple[Window, ...]
    memory: TreeMemory
    unexpected_failures: int
    batches: BatchUse | None = None

    @property
    def differing(self) -> int:
        """Answers unlike the first that the same row got."""
        return sum(window.answer.differing for window in self.windows)

    @property
    def requests(self) -> int:
        """All that were answered or given up."""
        return sum(window.answer.requests for window in self.windows)

    @property
    def successes(self) -> int:
        """2xx."""
        return sum(window.answer.successes for window in self.windows)

    @property
    def failing(self) -> bool:
        """Whether more failed than now and then one."""
        return self.unexpected_failures > MOST_FAILED_SHARE * self.requests

    @property
    def elapsed_s(self) -> float:
        """Load time, the pauses between windows left out."""
        return sum(window.answer.elapsed_s for window in self.windows)

    @property
    def throughput_rps(self) -> float:
        """Successes per second, windows weighted by their time."""
        weighted = sum(window.answer.throughput_rps * window.answer.elapsed_s for window in self.windows)
        return weighted / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def cpu_per_request_s(self) -> float:
        """Server tree."""
        return sum(window.total_cpu_s for window in self.windows) / max(1, self.requests)

    @property
    def latency(self) -> Distribution:
        """Of all windows, pooled."""
        return pool((window.answer.latency for window in self.windows), self.unexpected_failures)

    @property
    def little_ratio(self) -> float | None:
        """Throughput · latency / connections, failures included: 1 by Little's law when nothing disturbed the level."""
        if not self.successes:
            return None
        failures_s = sum(window.answer.failure_latency_sum_s for window in self.windows)
        mean_s = (self.latency.sum_s + failures_s) / self.requests
        return self.throughput_rps * self.requests / self.successes * mean_s / self.connections

    @property
    def cores_mean(self) -> float:
        """CPU time of the server over load time."""
        return sum(window.total_cpu_s for window in self.windows) / self.elapsed_s if self.elapsed_s else 0.0

    def cores_percentile(self, share: float) -> float | None:
        """Over samples of half a second."""
        return rank_percentile([cores for window in self.windows for cores in window.cores], share)

    @property
    def driver_cores(self) -> float:
        """What the load driver itself kept busy."""
        return sum(window.answer.driver_cpu_s for window in self.windows) / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def elsewhere_cores(self) -> float:
        """What neither the server nor the profiler used."""
        weighted = sum(window.elsewhere_cores * window.answer.elapsed_s for window in self.windows)
        return weighted / self.elapsed_s if self.elapsed_s else 0.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """The levels in the order they were run, and why no further one was; `bounded`: for want of connections."""

    levels: tuple[Level, ...] = ()
    stopped: str = "not run"
    bounded: bool = False

    def with_level(self, level: Level) -> Capacity:
        return dataclasses.replace(self, levels=(*self.levels, level))

    def without_more(self, why: str, bounded: bool = False) -> Capacity:
        """The search for the greatest throughput has ended."""
        return dataclasses.replace(self, stopped=why, bounded=bounded)

    def in_place_of(self, level: Level, better: Level) -> Capacity:
        """The same with another level in the place of this one."""
        return dataclasses.replace(self, levels=tuple(better if one is level else one for one in self.levels))

    def alone(self) -> Level | None:
        """One request in flight."""
        return next((level for level in self.levels if level.connections == 1), None)

    def max_batch_size(self) -> int | None:
        """None where run() takes single calls."""
        return next((level.batches.max_size for level in self.levels if level.batches), None)

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

    def best_batch_size(self, slo: Slo | None) -> int | None:
        """The size worth collecting; None where that is not known."""
        fit = self.batch_fit(slo)
        return fit.best_size if fit else None

    def sound(self) -> list[Level]:
        """The levels in which few requests failed; all of them where there is none."""
        return [level for level in self.levels if not level.failing] or list(self.levels)

    def best_rps(self) -> float:
        return max((level.throughput_rps for level in self.sound()), default=0.0)

    def knee(self) -> Level | None:
        """The fewest connections that reach 95 % of the greatest throughput."""
        return next(iter(self.saturated()), None)

    def saturated(self) -> list[Level]:
        """All levels that reach 95 % of the greatest throughput."""
        least_rps = self.best_rps() * _KNEE_SHARE
        return [level for level in self.sound() if level.successes and level.throughput_rps >= least_rps]


def find_capacity(server: ServerUnderTest, rate_rps: float, budget_s: float) -> Iterator[Capacity]:
    """Runs levels until the gain over the best so far is under 5 % twice, requests fail, or the time is up.

    Yields what is known after each level, and last why there is no further one.
    """
    watch, found, flat = server.begin("capacity", budget_s), Capacity(), 0
    batches = server.batches()
    batch_size = batches.max_size if batches else None
    counts = list(connection_counts(server.options.slots, 1 / rate_rps, batch_size, server.most_connections))
    # How long a batch takes is only known from batches of all sizes: short levels, but every one of them.
    levels, windows = (len(counts), 1) if batches else (_LEVELS_TO_PLAN_FOR, _WINDOWS)
    for connections in counts:
        parts, best_rps = max(1, levels - len(found.levels)), found.best_rps()
        expected_rps = max(rate_rps * min(connections, server.options.slots), best_rps)
        plan = pace(server.options.budget_s, watch.left_s() / parts, expected_rps, len(server.rows), windows)
        if found.levels and watch.left_s() < plan.expected_s:
            yield found.without_more("the time was up")
            return
        try:
            level = run_level(server, connections, plan)
        except NotMeasured as lost:
            if not found.levels:
                raise
            yield found.without_more(f"with {connections} connections {lost}")
            return
        found = found.with_level(level)
        flat = flat + 1 if level.throughput_rps < best_rps * (1 + _SMALLEST_GAIN) else 0
        if why := _why_enough(level, flat):
            yield found.without_more(why)
            return
        yield found
    if counts[-1] == server.most_connections < MOST_CONNECTIONS:
        why = f"the limit on open files allows {server.most_connections} connections"
        yield found.without_more(why, bounded=True)
    else:
        yield found.without_more("all levels were run")


def _why_enough(level: Level, flat: int) -> str:
    if level.failing:
        return f"with {level.connections} connections {level.unexpected_failures} requests failed"
    if flat == _FLAT_LEVELS:
        return "twice as many connections brought less than 5 % more answers, two times running"
    return ""


def connection_counts(
    slots: int, latency_s: float, max_batch_size: int | None = None, most: int = MOST_CONNECTIONS
) -> Iterator[int]:
    """1, 2, 4, …; where one request takes over a second only one, one per slot and two per slot.

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
        connections *= _BATCH_STEP if max_batch_size else 2
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
