"""What a server inside limits must do as well as without them, for the same arrivals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from plimsoll.host.cgroups.groups import GroupUse
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.phases.open_loop import RateLevel, counted_failures, pool_levels
from plimsoll.profiling.phases.start import Startup

Cause = Literal["memory", "cpu", "start", "noise", "driver"]
# Of the load time. A random arrival meets a server that stands still as often as it stands still (Wolff 1982: Poisson
# arrivals see time averages), and about as many wait behind those: two in a hundred are what the p95 can bear. An
# objective may allow more, but not a quota that runs out in a quarter of its periods.
_THROTTLED_TIME, _THROTTLED_SHARE, _THROTTLED_TIME_SLO = 0.02, 0.25, 0.05
# So little cannot have spoilt the p95, nor a fifth of what an objective leaves to slow requests that objective.
_HARDLY, _HARDLY_OF_SLO = 0.01, 0.2
_RATE_SHARE = 0.95
_SLOWER = 1.2
# What a scheduler may cost at any time, also without limits.
_JITTER_S = 0.002
_START_FACTOR = 2.0
_START_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why not, as a sentence, and what it points to."""

    cause: Cause
    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What the server did without limits in `windows` windows of `window_s`: a trial repeats it, arrival by arrival.

    `driver_cores` is what the load driver took meanwhile. `parallel` is on how many CPUs the server works at once; the
    kernel counts throttled time on each of them. In a group that is not the server's `alone` others are throttled, too.
    `worst_p95_s` is of the slowest of all windows, also of those that are not repeated.
    """

    rate_rps: float
    window_s: float
    windows: int
    mean_s: float | None
    p95_s: float | None
    p99_s: float | None
    achieved_rps: float
    failures: int
    seconds_to_ready: float
    start_cpu_s: float
    driver_cores: float = 0.0
    parallel: int = 1
    alone: bool = True
    worst_p95_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Of load, in all windows together."""
        return self.window_s * self.windows

    def still_share(self, used: GroupUse) -> float:
        """Of the time of the load: how long the server stood still because its quota had run out."""
        return used.throttled_s / self.parallel / self.seconds


def reference_of(windows: Sequence[RateLevel], startup: Startup, slots: int) -> Reference:
    """Windows of one length at one rate, and how the server started without limits; `slots` of all its workers."""
    level = pool_levels(windows)
    return Reference(
        rate_rps=level.rate_rps,
        window_s=windows[0].seconds,
        windows=len(windows),
        mean_s=level.latency.mean_s(),
        p95_s=level.latency.percentile_s(0.95),
        p99_s=level.latency.percentile_s(0.99),
        achieved_rps=level.result.requests_per_second,
        failures=_failures(level),
        seconds_to_ready=startup.seconds_to_ready,
        start_cpu_s=startup.cpu_s,
        driver_cores=level.result.driver_cores,
        parallel=min(slots, level.cpus),
    )


def _failures(level: RateLevel) -> int:
    return counted_failures(level.result.outcomes, level.unexpected_failures, level.result.requests)


def judge_limit(level: RateLevel, used: GroupUse | None, reference: Reference, slo: Slo | None) -> Iterator[str]:
    """Under a quota both the rate and the latency must hold, with periods to spare."""
    yield from judge_rate(level, reference)
    # A quota that did nothing is not blamed for what happens without one, too.
    excused_s = reference.worst_p95_s if quota_hardly_ran_out(used, reference, slo) else 0.0
    yield from judge_latency(level, reference, slo, excused_s)
    yield from judge_quota(used, reference, slo)


def judge_request(level: RateLevel, _: GroupUse | None, reference: Reference, slo: Slo | None) -> Iterator[str]:
    """On a full node the rate must hold; how long requests take is measured, and judged only by an objective."""
    yield from judge_rate(level, reference)
    if slo is not None:
        yield from judge_slo(level, slo)


def judge_start(startup: Startup, reference: Reference, cores: float) -> Iterator[Failure]:
    """Twice the time is allowed, or twice what its CPU time takes at `cores`."""
    allowed_s = _START_FACTOR * max(reference.seconds_to_ready, reference.start_cpu_s / cores) + _START_SLACK_S
    took_s = startup.seconds_to_ready
    if took_s > allowed_s:
        yield Failure("cpu", f"it took {took_s:.1f} s to be ready, without limits {reference.seconds_to_ready:.1f} s")


def judge_rate(level: RateLevel, reference: Reference) -> Iterator[str]:
    """It must go on answering as many, and no more may fail."""
    failures = _failures(level)
    if failures > reference.failures or (failures and level.latency.withheld):
        yield f"{failures} requests failed, without limits {reference.failures}"
    rate_rps = level.result.requests_per_second
    if rate_rps < _RATE_SHARE * reference.achieved_rps:
        yield f"it answered {rate_rps:.3g} requests/s of {reference.achieved_rps:.3g}"
    elif level.queue_grows:
        yield f"at {level.rate_rps:.3g} requests/s its queue kept growing"


def judge_latency(level: RateLevel, reference: Reference, slo: Slo | None, excused_s: float = 0.0) -> Iterator[str]:
    """The objective where there is one; else p95 within 1.2 times + 2 ms, or the mean where p95 needs more requests.

    A p95 of `excused_s` is no reason in any case.
    """
    if slo is not None:
        yield from judge_slo(level, slo)
        return
    pairs = (
        ("p95", level.latency.percentile_s(0.95), reference.p95_s, excused_s),
        ("mean", level.latency.mean_s(), reference.mean_s, 0.0),
    )
    name, took_s, before_s, least_s = next((pair for pair in pairs if None not in pair), pairs[-1])
    if took_s is not None and before_s is not None and took_s > max(_SLOWER * before_s + _JITTER_S, least_s):
        yield f"{name} was {took_s * 1000:.3g} ms, without limits {before_s * 1000:.3g} ms"


def judge_slo(level: RateLevel, slo: Slo) -> Iterator[str]:
    """By the share of all requests that was too slow, failed ones included."""
    load = level.answer.load
    slow = load.latency.count_above(slo.seconds) + load.requests - load.successes
    if slow > (1 - slo.share) * load.requests:
        longer = f"{slow} of {load.requests} requests took longer than {slo.seconds * 1000:g} ms"
        yield f"{longer}, which {slo} does not allow"


def quota_hardly_ran_out(used: GroupUse | None, reference: Reference, slo: Slo | None) -> bool:
    """So seldom that what went wrong had another cause: chance, if nobody else was at work."""
    if used is None:
        return False
    return reference.still_share(used) < (_HARDLY if slo is None else min(_HARDLY, _HARDLY_OF_SLO * (1 - slo.share)))


def judge_quota(used: GroupUse | None, reference: Reference, slo: Slo | None) -> Iterator[str]:
    """How long the server stood still varies less from run to run than the p95 that it spoils."""
    if used is None:
        return
    share = reference.still_share(used)
    if (slo is None and reference.alone and share > _THROTTLED_TIME) or (
        used.throttled_share > _THROTTLED_SHARE and share > _THROTTLED_TIME_SLO
    ):
        yield f"its quota ran out in {used.throttled_share:.0%} of the periods, for {share:.1%} of the time"
