"""Phase: open loop. What latency users see when requests come at random instants at a rate that is not exceeded.

With a latency objective the highest rate that keeps it is searched for first.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.latency import Distribution, needed_for
from plimsoll.profiling.load.client import RateAnswer, pool_rates
from plimsoll.profiling.load.requests import OUTCOME_TIMEOUT
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.server import ServerUnderTest, Stopwatch
from plimsoll.profiling.measure.window import Window, pool_windows
from plimsoll.profiling.result.base import LatencySeconds, LevelMemory
from plimsoll.profiling.result.measurements import LatenessSeconds, RateLevelResult
from plimsoll.profiling.statistics import slope_interval

_MOST_IN_FLIGHT = 1024
_PILE_UP_S = 3.0
_LATE_S, _LATE_SHARE = 0.001, 0.02
_SPARE = 1.15
_WORTH_HAVING = (0.99, 0.95)
_CLOSE_ENOUGH = 0.05
_MOST_PROBES = 6
_FIRST_SHARE = 0.7
_SLO_SPARE = 1.3

# Nobody should be advised to send so many that more than this share is lost; a single one may have another cause.
_LOST_SHARE, _FEWEST_LOST = 0.001, 2
_OVERLOAD = ("429", "503", "504", OUTCOME_TIMEOUT)


@dataclass(frozen=True)
class RateLevel:
    """One rate of arrivals on a server that may use `cpus` CPUs; `memory` as in a closed-loop level.

    `windows` are the levels that it was pooled from, each with arrivals of its own and an empty queue to begin with.
    `result` is what is written.
    """

    rate_rps: float
    seconds: float
    cpus: int
    window: Window
    answer: RateAnswer
    memory: TreeMemory
    unexpected_failures: int
    windows: tuple[RateLevel, ...] = ()

    @cached_property
    def latency(self) -> Distribution:
        """Counted from the time each request was due."""
        return dataclasses.replace(self.answer.load.latency, failed=self.unexpected_failures)

    @cached_property
    def result(self) -> RateLevelResult:
        """Rates and cores are over all the time, also that which the last answers took."""
        load, answer = self.answer.load, self.answer
        elapsed_s = max(self.seconds, load.elapsed_s)
        return RateLevelResult(
            target_requests_per_second=self.rate_rps,
            requests_per_second=load.successes / elapsed_s,
            capacity_share=None,
            cpus=self.cpus,
            requests=load.requests,
            offered=answer.offered,
            successes=load.successes,
            outcomes=load.outcomes,
            seconds=elapsed_s,
            windows=max(1, len(self.windows)),
            latency_seconds=LatencySeconds.over(self.latency),
            lateness_seconds=LatenessSeconds.of(LatencySeconds.over(answer.lateness)),
            in_flight_mean=fmean(answer.in_flight),
            in_flight_max=answer.most_in_flight,
            queue_growing=self.queue_grows,
            driver_limited=self._driver_limited(),
            slo_met=None,
            cpu_seconds_per_request=self.window.cpu_per_request_s,
            cores_used=self.window.cores_used(elapsed_s),
            memory=LevelMemory.held(self.memory.total),
            driver_cores=load.driver_cpu_s / elapsed_s,
            elsewhere_cores=self.window.elsewhere_cores,
        )

    def judged(self, capacity_rps: float, slo: Slo | None) -> RateLevelResult:
        """`result` beside what the server does at most, 0 where that is not known, and what it should keep."""
        share = self.rate_rps / capacity_rps if capacity_rps else None
        return self.result.model_copy(update={"capacity_share": share, "slo_met": slo_met(self, slo)})

    @property
    def queue_grows(self) -> bool:
        """More requests piled up than were answered: the rate is too high to last.

        Either the cap was hit, or the slope of the requests in flight is above 0 at 95 % and they doubled. What random
        arrivals find is the average over time.
        """
        if self.windows:
            # In one short window it may look so by chance.
            grows = [window.queue_grows for window in self.windows]
            return self.answer.overrun or 2 * sum(grows) > len(grows)
        if self.answer.overrun:
            return True
        found = slope_interval(list(enumerate(self.answer.in_flight)))
        rise = 0.0 if found is None else found[1] * len(self.answer.in_flight)
        return found is not None and found[0] > 0 and rise > max(2.0, fmean(self.answer.in_flight))

    def _driver_limited(self) -> bool:
        """The driver itself sent late: 99 % of the requests within 1 ms, or 2 % of the median latency, is in time."""
        late_s = self.answer.lateness.percentile_s(0.99) or self.answer.lateness.max_s() or 0.0
        return late_s > max(_LATE_S, _LATE_SHARE * (self.answer.load.latency.percentile_s(0.5) or 0.0))


def run_rate(server: ServerUnderTest, rate_rps: float, seconds: float, draw: int = 0) -> RateLevel:
    """One level; the same rate, time and `draw` always bring the same arrivals and the same order of rows."""
    server.begin("open loop", seconds, steady=True)
    server.meter.reset_peaks()
    window, answer = server.rate_window(rate_rps, seconds, in_flight_cap(rate_rps, server.options.slots), draw)
    return RateLevel(rate_rps, seconds, server.cpus, window, answer, server.meter.memory(), server.unexpected([window]))


def pool_levels(levels: Sequence[RateLevel]) -> RateLevel:
    """Windows at one rate as one level: requests are pooled, never their percentiles averaged."""
    if len(levels) == 1:
        return levels[0]
    first = levels[0]
    return RateLevel(
        rate_rps=first.rate_rps,
        seconds=sum(level.seconds for level in levels),
        cpus=first.cpus,
        window=pool_windows([level.window for level in levels]),
        answer=pool_rates([level.answer for level in levels]),
        memory=max((level.memory for level in levels), key=lambda memory: memory.total.peak_bytes),
        unexpected_failures=sum(level.unexpected_failures for level in levels),
        windows=tuple(itertools.chain.from_iterable(level.windows or (level,) for level in levels)),
    )


def turns_away(level: RateLevel) -> bool:
    """Whether requests were refused or given up at this rate, not counting rows that are always answered so."""
    return _too_many(_lost(level.result.outcomes, level.unexpected_failures), level.result.requests)


def counted_failures(outcomes: Mapping[str, int], failures: int, requests: int) -> int:
    """Without those that were turned away, where they are too few to be a reason for a lower rate."""
    lost = _lost(outcomes, failures)
    return failures if _too_many(lost, requests) else failures - lost


def _lost(outcomes: Mapping[str, int], failures: int) -> int:
    """Of the unexpected failures, those for want of room or time."""
    return min(sum(outcomes.get(outcome, 0) for outcome in _OVERLOAD), failures)


def _too_many(lost: int, requests: int) -> bool:
    return lost >= _FEWEST_LOST and lost > _LOST_SHARE * requests


def in_flight_cap(rate_rps: float, slots: int) -> int:
    """What arrives in three seconds: more than that in flight is a queue that only grows."""
    return round(min(_MOST_IN_FLIGHT, max(4 * slots, 8, rate_rps * _PILE_UP_S)))


def seconds_for(rate_rps: float, usual_s: float, left_s: float) -> float:
    """The usual time, or longer where that buys p99, else p95, within what is left."""
    for share in _WORTH_HAVING:
        needed_s = needed_for(share) * _SPARE / rate_rps
        if needed_s <= max(usual_s, min(left_s, 2 * usual_s)):
            return max(usual_s, needed_s)
    return usual_s


def slo_met(level: RateLevel, slo: Slo | None) -> bool | None:
    """A queue that grows keeps no objective for long."""
    if slo is None:
        return None
    if level.queue_grows:
        return False
    return slo.met(level.latency, level.answer.load.requests - level.answer.load.successes)


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """`slo_rps` is the highest rate that kept the objective, 0 where none did, None where none was given.

    `operating` is the level at the rate that a replica is meant to carry; `levels` are all, in the order they were run,
    `operating` last.
    """

    levels: tuple[RateLevel, ...] = ()
    slo_rps: float | None = None
    operating: RateLevel | None = None

    def with_level(self, level: RateLevel) -> OpenLoop:
        """One more on the way to the operating point."""
        return dataclasses.replace(self, levels=(*self.levels, level))


def search_slo(server: ServerUnderTest, slo: Slo, capacity_rps: float, budget_s: float) -> Iterator[OpenLoop]:
    """Bisects the rate until it is known within 5 % or the time is up; undecided levels count as missed."""
    watch, found, high_rps = Stopwatch(budget_s), OpenLoop(), capacity_rps
    rate_rps, low_rps = _FIRST_SHARE * capacity_rps, 0.0
    for _ in range(_MOST_PROBES):
        seconds = _SLO_SPARE * needed_for(slo.share) / rate_rps
        if seconds > watch.left_s():
            break
        level = run_rate(server, rate_rps, seconds)
        found = found.with_level(level)
        yield found
        if slo_met(level, slo):
            low_rps = rate_rps
        else:
            high_rps = rate_rps
        if high_rps - low_rps <= _CLOSE_ENOUGH * high_rps:
            break
        rate_rps = (low_rps + high_rps) / 2
    yield dataclasses.replace(found, slo_rps=low_rps)


def measure_rate(
    server: ServerUnderTest, before: OpenLoop, rate_rps: float, seconds: float, noisy_cores: float
) -> Iterator[OpenLoop]:
    """The level at the operating point; a disturbed one is repeated where there is time, and the faster one counts."""
    level = run_rate(server, rate_rps, seconds)
    yield _operating(before, level)
    if level.window.elsewhere_cores <= noisy_cores or server.watch.left_s() < level.seconds:
        return
    again = run_rate(server, rate_rps, seconds)
    slower, faster = sorted((level, again), key=lambda one: one.latency.mean_s() or 0.0, reverse=True)
    yield _operating(before.with_level(slower), faster)


def _operating(before: OpenLoop, level: RateLevel) -> OpenLoop:
    return dataclasses.replace(before.with_level(level), operating=level)
