"""Phase: open loop. What latency users see when requests come at random instants at a rate that is not exceeded.

With a latency objective the highest rate that keeps it is searched for first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.latency import Distribution, needed_for
from plimsoll.profiling.load.client import RateAnswer
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.server import ServerUnderTest, Stopwatch
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.statistics import rank_percentile, slope_interval

_MOST_IN_FLIGHT = 1024
_PILE_UP_S = 3.0
_LATE_S, _LATE_SHARE = 0.001, 0.02
_SPARE = 1.15
_WORTH_HAVING = (0.99, 0.95)
_CLOSE_ENOUGH = 0.05
_MOST_PROBES = 6
_FIRST_SHARE = 0.7
_SLO_SPARE = 1.3


@dataclass(frozen=True, slots=True)
class RateLevel:
    """One rate of arrivals on a server that may use `cpus` CPUs; `memory` as in a closed-loop level."""

    rate_rps: float
    seconds: float
    cpus: int
    window: Window
    answer: RateAnswer
    memory: TreeMemory
    unexpected_failures: int

    @property
    def latency(self) -> Distribution:
        """From the instant each request was due."""
        return dataclasses.replace(self.answer.load.latency, failed=self.unexpected_failures)

    @property
    def achieved_rps(self) -> float:
        """Successes per second, the time included that the last answers took."""
        return self.answer.load.successes / max(self.seconds, self.answer.load.elapsed_s)

    @property
    def cores_mean(self) -> float:
        """CPU time of the server over load time."""
        return self.window.total_cpu_s / max(self.seconds, self.answer.load.elapsed_s)

    def cores_percentile(self, share: float) -> float | None:
        """Over samples of half a second."""
        return rank_percentile(self.window.cores, share)

    @property
    def mean_in_flight(self) -> float:
        """As arrivals found it, which for random arrivals is the average over time."""
        return sum(self.answer.in_flight) / len(self.answer.in_flight)

    @property
    def queue_grows(self) -> bool:
        """More requests piled up than were answered: the rate is too high to last.

        Either the cap was hit, or the slope of the requests in flight is above 0 at 95 % and they doubled.
        """
        if self.answer.overrun:
            return True
        found = slope_interval(list(enumerate(self.answer.in_flight)))
        rise = 0.0 if found is None else found[1] * len(self.answer.in_flight)
        return found is not None and found[0] > 0 and rise > max(2.0, self.mean_in_flight)

    @property
    def driver_limited(self) -> bool:
        """The driver itself sent late: 99 % of the requests within 1 ms, or 2 % of the median latency, is in time."""
        late_s = self.answer.lateness.percentile_s(0.99) or self.answer.lateness.max_s() or 0.0
        return late_s > max(_LATE_S, _LATE_SHARE * (self.answer.load.latency.percentile_s(0.5) or 0.0))


def run_rate(server: ServerUnderTest, rate_rps: float, seconds: float) -> RateLevel:
    """One level; the same rate and time always bring the same arrivals and the same order of rows."""
    server.begin("open loop", seconds)
    server.meter.reset_peaks()
    window, answer = server.rate_window(rate_rps, seconds, in_flight_cap(rate_rps, server.options.slots))
    return RateLevel(rate_rps, seconds, server.cpus, window, answer, server.meter.memory(), server.unexpected([window]))


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


def measure_operating_point(
    server: ServerUnderTest, before: OpenLoop, rate_rps: float, seconds: float, noisy_cores: float, reserved_s: float
) -> Iterator[OpenLoop]:
    """The level at the operating point; a disturbed one is repeated where there is time, and the faster one counts.

    What is tried inside limits is compared with it: a disturbed level would let anything pass. `reserved_s` of the
    time that is left belong to later phases.
    """
    level = run_rate(server, rate_rps, seconds)
    yield _operating(before, level)
    if level.window.elsewhere_cores <= noisy_cores or server.watch.left_s() - reserved_s < level.seconds:
        return
    again = run_rate(server, rate_rps, seconds)
    slower, faster = sorted((level, again), key=lambda one: one.latency.mean_s() or 0.0, reverse=True)
    yield _operating(before.with_level(slower), faster)


def _operating(before: OpenLoop, level: RateLevel) -> OpenLoop:
    return dataclasses.replace(before.with_level(level), operating=level)
