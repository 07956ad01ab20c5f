"""Phase: the operating point, on the configuration that is recommended and without limits; then the smallest CPU quota.

The rate is measured in windows with arrivals of their own, whose requests are pooled. What is tried inside limits later
repeats some of these windows, arrival by arrival.

The kernel counts a quota in periods of 100 ms. A server that needs 0.31 cores on average stands still under a quota of
0.4 whenever five of its requests come close together, so no average says which quota is enough: quotas are tried on the
server that runs already.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from plimsoll.host.cgroups.groups import Delegation
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.advice.rounding import SMALLEST_CPU_CORES, sizes_between
from plimsoll.profiling.latency import needed_for
from plimsoll.profiling.measure.server import Load, ServerUnderTest
from plimsoll.profiling.measure.window import NOISY_SHARE
from plimsoll.profiling.phases.candidate import Candidate
from plimsoll.profiling.phases.open_loop import RateLevel, pool_levels, run_rate, turns_away
from plimsoll.profiling.phases.start import Startup, wait_for_start
from plimsoll.profiling.plan import SEARCH_WINDOWS, TRIAL_WINDOWS, WINDOWS, Plan
from plimsoll.profiling.result.verification import Limits, VerificationAttempt
from plimsoll.profiling.session import Session, Setup
from plimsoll.profiling.trials.judgement import Reference, reference_of
from plimsoll.profiling.trials.trial import Enclosure, enclosed, made_trial, repeat_under_quota, warm_again

PREFIX = "operating point: "
_SPARE = 1.15
# After a rate at which requests are turned away four fifths of what was answered are tried, and so once more.
_STEP_DOWN, _MOST_STEPS_DOWN = 0.8, 2
_LARGEST_STEP_DOWN = 0.4
# A window without limits may have been that much worse than the others by chance, and no limit is excused by more.
_MOST_EXCUSED = 2.0
# A fifth less must fail: only then is a limit tight.
_TIGHT_SHARE = 0.8
# With less than this above what is used on average a queue only grows.
_LEAST_SPARE = 1.03
_HAIR = 1e-6
# A try that has time for less than this share is not begun.
_HALF = 0.5

Passes = Callable[[float], bool | None]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """`windows` were measured without limits; `search` are the quotas tried, `recommended` what came of it.

    At the rates of `too_fast` requests were turned away.
    """

    recommended: Recommended
    startup: Startup
    windows: tuple[RateLevel, ...] = ()
    too_fast: tuple[RateLevel, ...] = ()
    search: tuple[VerificationAttempt, ...] = ()

    def slower(self, target_rps: float | None) -> OperatingPoint | None:
        """Begun anew at a lower rate; None where this one turns nobody away, or two lower ones were no better."""
        level, cpu = self.level, self.recommended.cpu
        if cpu is None or level is None or not turns_away(level) or len(self.too_fast) == _MOST_STEPS_DOWN:
            return None
        share = max(_LARGEST_STEP_DOWN, _STEP_DOWN * (1 - level.unexpected_failures / level.result.requests))
        recommended = dataclasses.replace(self.recommended, cpu=cpu.slower(share, target_rps))
        return OperatingPoint(recommended, self.startup, too_fast=(*self.too_fast, level))

    @property
    def complete(self) -> bool:
        """Whether there is enough of it to compare trials with."""
        return len(self.windows) >= TRIAL_WINDOWS

    @property
    def level(self) -> RateLevel | None:
        """All windows pooled; None where not even the first was measured."""
        return pool_levels(self.windows) if self.windows else None

    def reference(self, windows: int = TRIAL_WINDOWS) -> Reference:
        """What a trial of so many windows is compared with."""
        found = reference_of(self.windows[:windows], self.startup, self.recommended.configuration.slots)
        quiet = [level for level in self.windows if level.window.elsewhere_cores <= NOISY_SHARE * level.cpus]
        worst_s = max((level.latency.percentile_s(0.95) or 0.0 for level in quiet), default=0.0)
        return dataclasses.replace(found, worst_p95_s=min(worst_s, _MOST_EXCUSED * (found.p95_s or 0.0)))


@dataclass(frozen=True, slots=True)
class Ground:
    """On which CPUs the server may run, up to `most_cores` of them, which a quota holds it to where `by_quota`."""

    cpus: Sequence[int] | None
    most_cores: float
    by_quota: bool = False


def ground_of(setup: Setup, chosen: Candidate | None) -> Ground:
    """All CPUs, or as many as the model should get that takes every one it sees."""
    full, allowed = setup.server_cores, setup.options.max_cpu_cores or math.inf
    if chosen is None or chosen.cpus >= full:
        return Ground(None, min(full, allowed))
    if chosen.method == "quota":
        return Ground(None, min(chosen.cpus, allowed), by_quota=True)
    return Ground(setup.server_cpus[: int(chosen.cpus)], min(chosen.cpus, allowed))


def measure_operating_point(
    session: Session, plan: Plan, recommended: Recommended, ground: Ground, load: Load, delegation: Delegation | None
) -> Iterator[OperatingPoint]:
    """Yields after each window, and last with the limit that was found; needs the servers before gone."""
    if recommended.cpu is None:
        return
    variables, configuration = recommended.environment(), recommended.configuration
    with (
        enclosed(delegation, "operating", len(session.setup.server_cpus)) as enclosure,
        session.server(ground.cpus, enclosure.doors(), PREFIX, variables, configuration) as server,
    ):
        # In a group, but under no quota: what stands still here does so by itself.
        server.limited = ground.by_quota
        begun = OperatingPoint(recommended, wait_for_start(server))
        session.aim(server)
        server.choose(load)
        warm_again(server)
        if ground.by_quota:
            enclosure.limit(Limits(cpu_cores=ground.most_cores, memory_bytes=None))
        found = begun
        for found in _measure(session, server, begun, plan):
            yield found
        level = found.level
        if level is None:
            return
        recommended = found.recommended.with_peak(level.memory.total.peak_bytes)
        found = dataclasses.replace(found, recommended=recommended)
        yield found
        if enclosure.enforced:
            mean_cores = level.result.cores_used.mean
            yield _with_limit(session, server, found, mean_cores, ground.most_cores, enclosure, plan)


def _measure(session: Session, server: ServerUnderTest, found: OperatingPoint, plan: Plan) -> Iterator[OperatingPoint]:
    rate_rps = found.recommended.operating_rps
    count, seconds = windows_for(rate_rps, plan.operating_s)
    for draw in range(count):
        level = run_rate(server, rate_rps, seconds, draw)
        if level.window.elsewhere_cores > session.setup.noisy_cores and session.time_for(seconds + plan.trial_s):
            again = run_rate(server, rate_rps, seconds, draw)
            level = min(level, again, key=lambda one: one.latency.mean_s() or math.inf)
        found = dataclasses.replace(found, windows=(*found.windows, level))
        lowered = found.slower(session.setup.options.target_rps) if session.time_for(plan.operating_s) else None
        if lowered is not None:
            # Nobody goes on with the rate that has failed, whatever happens at the next one.
            yield lowered
            yield from _measure(session, server, lowered, plan)
            return
        yield found


def windows_for(rate_rps: float, total_s: float) -> tuple[int, float]:
    """How many windows of how many seconds; fewer and longer ones where that buys each of them its p95."""
    wanted_s = _SPARE * needed_for(0.95) / rate_rps
    seconds = max(total_s / WINDOWS, min(wanted_s, total_s / TRIAL_WINDOWS))
    return max(TRIAL_WINDOWS, math.ceil(total_s / seconds - 1e-6)), seconds


def _with_limit(
    session: Session,
    server: ServerUnderTest,
    found: OperatingPoint,
    mean_cores: float,
    most_cores: float,
    enclosure: Enclosure,
    plan: Plan,
) -> OperatingPoint:
    reference, server.limited = found.reference(SEARCH_WINDOWS), True
    until_s = session.watch.elapsed_s() + plan.limit_search_s
    attempts: list[VerificationAttempt] = []

    def passes(cores: float) -> bool | None:
        least_s = _HALF * reference.seconds
        if session.watch.elapsed_s() + least_s > until_s or not session.time_for(least_s + plan.trial_s):
            return None
        quota = Limits(cpu_cores=cores, memory_bytes=None)
        enclosure.limit(quota)
        loaded = repeat_under_quota(session, server, reference, enclosure)
        attempts.append(made_trial("search", quota, loaded.failures, loaded).attempt)
        return attempts[-1].passed

    cores = smallest_limit(found.recommended.request_cores, mean_cores, most_cores, passes)
    recommended = found.recommended if cores is None else found.recommended.with_limit(cores)
    return dataclasses.replace(found, search=tuple(attempts), recommended=recommended)


def smallest_limit(request_cores: float, mean_cores: float, most_cores: float, passes: Passes) -> float | None:
    """Of the sizes up to `most_cores`, at which nothing is limited, the smallest that passes; None without any trial.

    `passes` tries one, and answers None where there is no time for it any more: then the smallest that has passed
    counts, or the most. The request itself is tried first. Less than that is looked at only where even a fifth less
    passes, so that noise does not decide between neighbouring sizes.
    """
    request_cores = min(request_cores, most_cores)
    verdict = passes(request_cores)
    if verdict is None:
        return None
    if not verdict:
        above = [size for size in sizes_between(request_cores, most_cores) if size > request_cores + _HAIR]
        return _bisect(above, passes) if above else request_cores
    least_cores, tight_cores = max(mean_cores * _LEAST_SPARE, SMALLEST_CPU_CORES), _TIGHT_SHARE * request_cores
    if least_cores > tight_cores or not passes(tight_cores):
        return request_cores
    less = sizes_between(least_cores, request_cores)
    known = next(place for place, size in enumerate(less) if size >= tight_cores - _HAIR)
    return _bisect(less[: known + 1], passes)


def _bisect(sizes: Sequence[float], passes: Passes) -> float:
    """Of sizes of which the last is known to pass."""
    low, high = -1, len(sizes) - 1
    while high - low > 1:
        middle = (low + high) // 2
        verdict = passes(sizes[middle])
        if verdict is None:
            break
        low, high = (low, middle) if verdict else (middle, high)
    return sizes[high]
