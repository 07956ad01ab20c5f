"""One trial of the recommendation: the server starts inside the limits and must do there what was promised."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plimsoll.errors import StartError
from plimsoll.host.group_names import GroupName
from plimsoll.host.groups import Delegation, GroupUse, LimitedGroup, LimitsUnavailable, delegate
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.measure.server import Load, NotMeasured, ServerLost, ServerUnderTest
from plimsoll.profiling.measure.window import usual_window_s
from plimsoll.profiling.phases.census import Census
from plimsoll.profiling.phases.open_loop import RateLevel, run_rate
from plimsoll.profiling.phases.start import TRIAL_PREFIX, Startup, wait_for_start
from plimsoll.profiling.session import Session, Setup

Method = Literal["cgroup v1", "cgroup v2", "container", "affinity"]
Cause = Literal["memory", "cpu", "start", "noise", "driver"]
_MOST_HEAVY, _MOST_SAMPLE = 5, 20
_HEAVY_S = 0.5
_THROTTLED_SHARE, _THROTTLED_TIME = 0.25, 0.05
_RATE_SHARE = 0.95
_SLOWER = 1.2
# What a scheduler may cost at any time, also without limits.
_JITTER_S = 0.002
_START_FACTOR = 2.0
_START_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Reference:
    """What the server did without limits: the trial repeats it, arrival by arrival."""

    rate_rps: float
    seconds: float
    p95_s: float | None
    p99_s: float | None
    achieved_rps: float
    failures: int
    seconds_to_ready: float
    start_cpu_s: float


def reference_of(level: RateLevel, startup: Startup) -> Reference:
    """The open-loop level at the operating point, and how the server started without limits."""
    return Reference(
        rate_rps=level.rate_rps,
        seconds=level.seconds,
        p95_s=level.latency.percentile_s(0.95),
        p99_s=level.latency.percentile_s(0.99),
        achieved_rps=level.achieved_rps,
        failures=level.unexpected_failures,
        seconds_to_ready=startup.seconds_to_ready,
        start_cpu_s=startup.cpu_s,
    )


@dataclass(slots=True)
class Trial:
    """One trial; `failures` are sentences, `causes` what they point to. None was not measured.

    It is filled in while it runs, so that one which is interrupted is not lost.
    """

    method: Method
    cpu_cores: float
    memory_bytes: int
    startup: Startup | None = None
    level: RateLevel | None = None
    use: GroupUse | None = None
    load_use: GroupUse | None = None
    tree_peak_bytes: int | None = None
    failures: list[str] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing failed and the rate was tried."""
        return not self.failures and self.level is not None

    def fail(self, cause: Cause, text: str) -> None:
        """One more reason why not."""
        self.failures.append(text)
        self.causes.append(cause)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What holds the server: a group to join, the group that all of us are in already, or nothing but a few CPUs."""

    group: LimitedGroup | None
    joins: bool = True

    def limit(self, cores: float, size_bytes: int | None = None) -> None:
        """Only a group of our own can be given limits."""
        if self.group is None or not self.joins:
            return
        self.group.limit_cpu(cores)
        if size_bytes is not None:
            self.group.limit_memory(size_bytes)

    def doors(self) -> list[Path]:
        """For the server to join."""
        return self.group.doors if self.group is not None and self.joins else []

    def use(self) -> GroupUse | None:
        return self.group.use() if self.group is not None else None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a trial repeats: the rows by their cost, the load, and the rate without limits with what came of it."""

    census: Census
    load: Load
    reference: Reference


def try_out(
    session: Session, trial: Trial, recommended: Recommended, rehearsal: Rehearsal, enclosure: Enclosure
) -> None:
    """Fills in the trial; a server that dies of its limits is a result like any other."""
    # While it starts it may use the whole limit, as it may in a cluster; then only what is requested.
    enclosure.limit(float(math.ceil(trial.cpu_cores)), trial.memory_bytes)
    cpus = _fewest_cpus(session.setup, trial.cpu_cores) if enclosure.group is None else None
    before, variables = enclosure.use(), recommended.environment()
    with session.server(cpus, enclosure.doors(), TRIAL_PREFIX, variables, recommended.configuration) as server:
        try:
            _run(session, server, trial, rehearsal, enclosure)
        except (ServerLost, StartError) as error:
            trial.fail("start" if trial.startup is None else "memory", f"the server was lost: {error}")
        except NotMeasured as lost:
            trial.fail("driver", str(lost))
        after = enclosure.use()
        trial.use = after.since(before) if after and before else None
    _judge_memory(trial, watched=enclosure.group is None or not enclosure.joins)


def _fewest_cpus(setup: Setup, cores: float) -> tuple[int, ...]:
    return setup.server_cpus[: max(1, math.ceil(cores))]


def _run(session: Session, server: ServerUnderTest, trial: Trial, rehearsal: Rehearsal, enclosure: Enclosure) -> None:
    trial.startup = wait_for_start(server)
    _judge_start(trial, rehearsal.reference)
    session.aim(server)
    enclosure.limit(trial.cpu_cores)
    _send_heavy(session.setup, server, trial, rehearsal.census)
    _put_under_load(session, server, trial, rehearsal, enclosure)
    trial.tree_peak_bytes = max(trial.tree_peak_bytes or 0, server.meter.memory().total.peak_bytes)


def _judge_start(trial: Trial, reference: Reference) -> None:
    if trial.startup is None:
        return
    cores = max(trial.cpu_cores, 1.0)
    allowed_s = _START_FACTOR * max(reference.seconds_to_ready, reference.start_cpu_s / cores) + _START_SLACK_S
    trial.tree_peak_bytes = trial.startup.memory.total.peak_bytes
    if trial.startup.seconds_to_ready > allowed_s:
        took_s = trial.startup.seconds_to_ready
        trial.fail("cpu", f"it took {took_s:.1f} s to be ready, without limits {reference.seconds_to_ready:.1f} s")


def _send_heavy(setup: Setup, server: ServerUnderTest, trial: Trial, census: Census) -> None:
    """The most expensive rows one by one and a sample, then the one that takes most memory on every slot at once."""
    rows = census.succeeded()
    by_cpu = sorted(rows, key=lambda row: row.cpu_s, reverse=True)[:_MOST_HEAVY]
    by_memory = sorted(rows, key=lambda row: row.peak_bytes or 0, reverse=True)[:_MOST_HEAVY]
    indexes = dict.fromkeys(row.index for row in (*by_cpu, *by_memory, *rows[:_MOST_SAMPLE]))
    server.begin("heavy rows", sum(row.answer.latency_s for row in rows if row.index in indexes))
    for index in indexes:
        answer = server.send_row(index)
        if not answer.succeeded:
            trial.fail("memory", f"row {setup.row_number(index)} was answered before, now {answer.outcome}")
            server.wait_until_ready(server.request_timeout_s)
    if by_memory:
        server.choose(Load([by_memory[0].index]))
        at_once = server.window(server.options.slots, _HEAVY_S, _HEAVY_S, whole_passes=False).answer
        if at_once.successes < at_once.requests:
            trial.fail("memory", "the heaviest row failed when every slot had it at once")
            server.wait_until_ready(server.request_timeout_s)


def _put_under_load(
    session: Session, server: ServerUnderTest, trial: Trial, rehearsal: Rehearsal, enclosure: Enclosure
) -> None:
    reference, setup = rehearsal.reference, session.setup
    server.choose(rehearsal.load)
    warm_s = usual_window_s(server.options.budget_s)
    server.window(server.options.slots, warm_s, warm_s, whole_passes=False)
    for last in (False, True):
        before = enclosure.use()
        trial.level = run_rate(server, reference.rate_rps, reference.seconds)
        after = enclosure.use()
        trial.load_use = after.since(before) if after and before else None
        problems = _problems(trial, reference, setup.options.slo)
        disturbed = trial.level.window.elsewhere_cores > setup.noisy_cores
        # Somebody else's work is no reason to buy more CPU: once more, then it counts.
        if last or not problems or not disturbed or not session.time_for(reference.seconds):
            break
    for text in problems:
        trial.fail("noise" if disturbed else "cpu", text)


def _problems(trial: Trial, reference: Reference, slo: Slo | None) -> list[str]:
    level, problems = trial.level, list[str]()
    if level is None:
        return problems
    if level.unexpected_failures > reference.failures or level.latency.withheld:
        problems.append(f"{level.unexpected_failures} requests failed, without limits {reference.failures}")
    if level.achieved_rps < _RATE_SHARE * reference.achieved_rps or level.queue_grows:
        problems.append(f"it answered {level.achieved_rps:.3g} requests/s of {reference.achieved_rps:.3g}")
    p95_s = level.latency.percentile_s(0.95)
    if p95_s is not None and reference.p95_s is not None:
        allowed_s = max(_SLOWER * reference.p95_s, reference.p95_s + _JITTER_S, slo.seconds if slo else 0.0)
        if p95_s > allowed_s:
            problems.append(f"p95 was {p95_s * 1000:.3g} ms, without limits {reference.p95_s * 1000:.3g} ms")
    used = trial.load_use
    if used and used.throttled_share > _THROTTLED_SHARE and used.throttled_s > _THROTTLED_TIME * level.seconds:
        problems.append(f"its quota ran out in {used.throttled_share:.0%} of the periods")
    return problems


def _judge_memory(trial: Trial, watched: bool) -> None:
    """Where nobody enforces the limit on the server alone, what its processes held is compared with it."""
    peak_bytes = trial.tree_peak_bytes or 0
    if trial.use is not None and trial.use.oom_kills:
        trial.fail("memory", f"the kernel killed {trial.use.oom_kills} process(es) for memory")
    elif watched and peak_bytes > trial.memory_bytes:
        trial.fail("memory", f"it held {peak_bytes / 1e6:.0f} MB, more than {trial.memory_bytes / 1e6:.0f} MB")


@contextlib.contextmanager
def enforcement() -> Iterator[tuple[Delegation | None, str | None]]:
    """Where limited groups can be made; else None and the reason."""
    with contextlib.ExitStack() as stack:
        delegation, why_not = None, None
        try:
            delegation = stack.enter_context(delegate())
        except LimitsUnavailable as reason:
            why_not = str(reason)
        yield delegation, why_not


@contextlib.contextmanager
def limited_group(delegation: Delegation | None, number: int) -> Iterator[LimitedGroup | None]:
    """A new group, or None where there can be none."""
    if delegation is None:
        yield None
        return
    with delegation.group(str(GroupName(os.getpid(), str(number)))) as group:
        yield group
