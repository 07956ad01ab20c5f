"""One trial: the load of the operating point on a server inside limits, and what came of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plimsoll.host.cgroups.groups import Delegation, GroupUse, LimitedGroup, limited_group
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.measure.server import Load, ServerUnderTest
from plimsoll.profiling.measure.window import usual_window_s
from plimsoll.profiling.phases.census import Census
from plimsoll.profiling.phases.open_loop import RateLevel, pool_levels, run_rate
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.result.base import LatencySeconds
from plimsoll.profiling.result.verification import Kind, Limits, Method, VerificationAttempt
from plimsoll.profiling.session import Session
from plimsoll.profiling.trials.judgement import Cause, Failure, Reference, judge_limit, quota_hardly_ran_out

_MOST_HEAVY, MOST_SAMPLE = 5, 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """The load of a trial, what its group went through meanwhile, and what was wrong.

    `disturbed`: others used so much of the machine that it may have been them.
    """

    level: RateLevel
    use: GroupUse | None
    failures: tuple[Failure, ...]
    disturbed: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial as it is written, and what its failures point to: that decides what is tried next."""

    attempt: VerificationAttempt
    causes: frozenset[Cause]


def made_trial(
    kind: Kind,
    limits: Limits,
    failures: Sequence[Failure],
    loaded: Loaded | None = None,
    *,
    weight_cores: float | None = None,
    startup: Startup | None = None,
    use: GroupUse | None = None,
    peak_bytes: int | None = None,
) -> Trial:
    """Without load it shows nothing, even if nothing failed.

    `use` is what the group went through since the server's start, `peak_bytes` the most that its processes held.
    """
    level, throttling = (loaded.level.result, loaded.use) if loaded else (None, None)
    attempt = VerificationAttempt(
        kind=kind,
        limits=limits,
        weight_cores=weight_cores,
        passed=level is not None and not failures,
        failures=[failure.text for failure in failures],
        seconds_to_ready=startup.seconds_to_ready if startup else None,
        requests=level.requests if level else None,
        successes=level.successes if level else None,
        requests_per_second=level.requests_per_second if level else None,
        latency_seconds=level.latency_seconds if level else LatencySeconds(),
        cores_used=level.cores_used.mean if level else None,
        throttled_share=throttling.throttled_share if throttling else None,
        throttled_seconds=throttling.throttled_s if throttling else None,
        oom_kills=use.oom_kills if use else None,
        memory_peak_bytes=use.memory_peak_bytes if use else peak_bytes,
        elsewhere_cores=level.elsewhere_cores if level else None,
    )
    return Trial(attempt, frozenset(failure.cause for failure in failures))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a trial repeats: `rows` alone, with the seconds that each took, `heaviest` on every slot, then the load."""

    rows: Mapping[int, float]
    heaviest: int | None
    load: Load
    reference: Reference


def rehearse(census: Census, load: Load, reference: Reference) -> Rehearsal:
    """The rows that cost most CPU, those that took most memory, and a sample of the others."""
    rows = census.succeeded()
    by_cpu = sorted(rows, key=lambda row: row.cpu_s, reverse=True)[:_MOST_HEAVY]
    by_memory = sorted(rows, key=lambda row: row.peak_bytes or 0, reverse=True)[:_MOST_HEAVY]
    alone = {row.index: row.answer.latency_s for row in (*by_cpu, *by_memory, *rows[:MOST_SAMPLE])}
    return Rehearsal(alone, by_memory[0].index if by_memory else None, load, reference)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What holds the server: a group to join, the group that all of us are in already, or nothing but a few CPUs.

    With `delegation` there can be a group for a competitor, too.
    """

    group: LimitedGroup | None
    delegation: Delegation | None = None
    joins: bool = True

    def limit(self, limits: Limits) -> None:
        """Only a group of our own can be given limits."""
        if self.group is None or not self.joins:
            return
        self.group.limit_cpu(limits.cpu_cores)
        if limits.memory_bytes is not None:
            self.group.limit_memory(limits.memory_bytes)

    def weigh(self, cores: float) -> None:
        """Its part of CPUs that others want as well, in the measure in which each of them has 1."""
        if self.group is not None and self.joins:
            self.group.weigh(cores)

    def doors(self) -> list[Path]:
        """The files that make the server join; none where it is inside already, or nothing is there to join."""
        return self.group.doors if self.group is not None and self.joins else []

    def use(self) -> GroupUse | None:
        """None where no control group counts."""
        return self.group.use() if self.group is not None else None

    def since(self, before: GroupUse | None) -> GroupUse | None:
        """What the group went through from then on."""
        now = self.use()
        return now.since(before) if now and before else None

    @property
    def enforced(self) -> bool:
        """Whether the kernel holds the server, and it alone, to its limits."""
        return self.group is not None and self.joins


@contextlib.contextmanager
def enclosed(delegation: Delegation | None, name: str, cpus: int) -> Iterator[Enclosure]:
    """Without limits and with the weight of `cpus` processes, so that nothing is held back in it.

    A group has the weight of one process beside it, however many it holds (cgroups(7), cpu.shares and cpu.weight): a
    front and a worker then had half of what the load driver had, and refused requests at half the load of the CPUs.
    """
    with limited_group(delegation, name, cpus) as group:
        yield Enclosure(group, delegation)


def method_of(delegation: Delegation | None) -> Method:
    """As profile.json calls the way in which limits are enforced."""
    if delegation is None:
        return "affinity"
    return "cgroup v1" if delegation.version == 1 else "cgroup v2"


def warm_again(server: ServerUnderTest) -> None:
    """Half a usual window of load: the first requests of a fresh server also pay for what it put off until then."""
    seconds = usual_window_s(server.options.budget_s) / 2
    server.window(server.options.slots, seconds, seconds, whole_passes=False)


Judge = Callable[[RateLevel, GroupUse | None, Reference, Slo | None], Iterable[str]]
Excuse = Callable[[GroupUse | None, Reference, Slo | None], bool]


def repeat_windows(
    session: Session,
    server: ServerUnderTest,
    reference: Reference,
    enclosure: Enclosure,
    judge: Judge,
    noisy_cores: float,
    by_chance: Excuse | None = None,
) -> Loaded:
    """The arrivals of the reference, and what was wrong.

    Where it may have been others, who used more than `noisy_cores`, or was `by_chance`, they come again; that counts.
    """
    slo = session.setup.options.slo
    for last in (False, True):
        before, draws = enclosure.use(), range(reference.windows)
        level = pool_levels([run_rate(server, reference.rate_rps, reference.window_s, draw) for draw in draws])
        used = enclosure.since(before)
        problems = list(judge(level, used, reference, slo))
        disturbed = level.window.elsewhere_cores > noisy_cores
        excused = disturbed or (by_chance is not None and by_chance(used, reference, slo))
        # Neither somebody else's work nor chance is a reason to buy more CPU.
        if last or not problems or not excused or not session.time_for(reference.seconds):
            break
    cause: Cause = "noise" if disturbed else "cpu"
    return Loaded(level, used, tuple(Failure(cause, text) for text in problems), disturbed)


def repeat_under_quota(session: Session, server: ServerUnderTest, reference: Reference, enclosure: Enclosure) -> Loaded:
    """As `repeat_windows`, where a quota is what may have gone wrong."""
    noisy_cores = session.setup.noisy_cores
    return repeat_windows(session, server, reference, enclosure, judge_limit, noisy_cores, quota_hardly_ran_out)
