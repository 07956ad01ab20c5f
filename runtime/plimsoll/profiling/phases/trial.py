"""One trial of the recommendation: the server starts inside the limits and must do there what was promised."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plimsoll.errors import StartError
from plimsoll.host.groups import GroupUse, LimitedGroup
from plimsoll.profiling.answer.environment import environment
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.measure.server import NotMeasured, ServerLost, ServerUnderTest
from plimsoll.profiling.measure.window import usual_window_s
from plimsoll.profiling.phases.open_loop import run_rate
from plimsoll.profiling.phases.start import TRIAL_PREFIX, wait_for_start
from plimsoll.profiling.phases.trials import Reference, Trial
from plimsoll.profiling.session import Session

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
        """Counters so far."""
        return self.group.use() if self.group is not None else None


def try_out(session: Session, attempt: Trial, reference: Reference, enclosure: Enclosure) -> None:
    """Fills in the attempt; a server that dies of its limits is a result like any other."""
    # While it starts it may use the whole limit, as it may in a cluster; then only what is requested.
    enclosure.limit(float(math.ceil(attempt.cpu_cores)), attempt.memory_bytes)
    cpus = _fewest_cpus(session.findings, attempt.cpu_cores) if enclosure.group is None else None
    before, configuration = enclosure.use(), session.findings.configuration()
    with session.server(cpus, enclosure.doors(), TRIAL_PREFIX, environment(session.findings), configuration) as server:
        try:
            _run(session, server, attempt, reference, enclosure)
        except (ServerLost, StartError) as error:
            attempt.fail("start" if attempt.startup is None else "memory", f"the server was lost: {error}")
        except NotMeasured as lost:
            attempt.fail("driver", str(lost))
        after = enclosure.use()
        attempt.use = after.since(before) if after and before else None
    _judge_memory(attempt, watched=enclosure.group is None or not enclosure.joins)


def _fewest_cpus(findings: Findings, cores: float) -> tuple[int, ...]:
    allowed = findings.server_cpus()
    return tuple(allowed[: max(1, math.ceil(cores))])


def _run(session: Session, server: ServerUnderTest, attempt: Trial, reference: Reference, enclosure: Enclosure) -> None:
    attempt.startup = wait_for_start(server)
    _judge_start(attempt, reference)
    session.aim(server)
    enclosure.limit(attempt.cpu_cores)
    _send_heavy(session.findings, server, attempt)
    _load(session.findings, server, attempt, reference, enclosure, lambda: session.time_for(reference.seconds))
    attempt.tree_peak_bytes = max(attempt.tree_peak_bytes or 0, server.meter.memory().total.peak_bytes)


def _judge_start(attempt: Trial, reference: Reference) -> None:
    if attempt.startup is None:
        return
    cores = max(attempt.cpu_cores, 1.0)
    allowed_s = _START_FACTOR * max(reference.seconds_to_ready, reference.start_cpu_s / cores) + _START_SLACK_S
    attempt.tree_peak_bytes = attempt.startup.memory.total.peak_bytes
    if attempt.startup.seconds_to_ready > allowed_s:
        took_s = attempt.startup.seconds_to_ready
        attempt.fail("cpu", f"it took {took_s:.1f} s to be ready, without limits {reference.seconds_to_ready:.1f} s")


def _send_heavy(findings: Findings, server: ServerUnderTest, attempt: Trial) -> None:
    """The dearest rows one by one and a sample, then the row that takes most memory on every slot at once."""
    rows = findings.census.succeeded()
    by_cpu = sorted(rows, key=lambda row: row.cpu_s, reverse=True)[:_MOST_HEAVY]
    by_memory = sorted(rows, key=lambda row: row.peak_bytes or 0, reverse=True)[:_MOST_HEAVY]
    indexes = dict.fromkeys(row.index for row in (*by_cpu, *by_memory, *rows[:_MOST_SAMPLE]))
    server.begin("heavy rows", sum(row.answer.latency_s for row in rows if row.index in indexes))
    for index in indexes:
        answer = server.send_row(index)
        if not answer.succeeded:
            attempt.fail("memory", f"row {findings.row_number(index)} was answered before, now {answer.outcome}")
            server.wait_until_ready(server.request_timeout_s)
    if by_memory:
        server.choose([by_memory[0].index], frozenset())
        at_once = server.window(server.options.slots, _HEAVY_S, _HEAVY_S, whole_passes=False).answer
        if at_once.successes < at_once.requests:
            attempt.fail("memory", "the heaviest row failed when every slot had it at once")
            server.wait_until_ready(server.request_timeout_s)


def _load(
    findings: Findings,
    server: ServerUnderTest,
    attempt: Trial,
    reference: Reference,
    enclosure: Enclosure,
    time_left: Callable[[], bool],
) -> None:
    server.choose(findings.loaded_rows, frozenset(row.index for row in findings.census.failed()))
    warm_s = usual_window_s(server.options.budget_s)
    server.window(server.options.slots, warm_s, warm_s, whole_passes=False)
    for last in (False, True):
        before = enclosure.use()
        attempt.level = run_rate(server, reference.rate_rps, reference.seconds)
        after = enclosure.use()
        attempt.load_use = after.since(before) if after and before else None
        problems = _problems(findings, attempt, reference)
        disturbed = attempt.level.window.elsewhere_cores > findings.noisy_cores()
        # Somebody else's work is no reason to buy more CPU: once more, then it counts.
        if last or not problems or not disturbed or not time_left():
            break
    for text in problems:
        attempt.fail("noise" if disturbed else "cpu", text)


def _problems(findings: Findings, attempt: Trial, reference: Reference) -> list[str]:
    level, problems = attempt.level, list[str]()
    if level is None:
        return problems
    if level.unexpected_failures > reference.failures or level.latency.withheld:
        problems.append(f"{level.unexpected_failures} requests failed, without limits {reference.failures}")
    if level.achieved_rps < _RATE_SHARE * reference.achieved_rps or level.queue_grows:
        problems.append(f"it answered {level.achieved_rps:.3g} requests/s of {reference.achieved_rps:.3g}")
    p95_s, slo = level.latency.percentile_s(0.95), findings.options.slo
    if p95_s is not None and reference.p95_s is not None:
        allowed_s = max(_SLOWER * reference.p95_s, reference.p95_s + _JITTER_S, slo.seconds if slo else 0.0)
        if p95_s > allowed_s:
            problems.append(f"p95 was {p95_s * 1000:.3g} ms, without limits {reference.p95_s * 1000:.3g} ms")
    used = attempt.load_use
    if used and used.throttled_share > _THROTTLED_SHARE and used.throttled_s > _THROTTLED_TIME * level.seconds:
        problems.append(f"its quota ran out in {used.throttled_share:.0%} of the periods")
    return problems


def _judge_memory(attempt: Trial, watched: bool) -> None:
    """Where nobody enforces the limit on the server alone, what its processes held is compared with it."""
    peak_bytes = attempt.tree_peak_bytes or 0
    if attempt.use is not None and attempt.use.oom_kills:
        attempt.fail("memory", f"the kernel killed {attempt.use.oom_kills} process(es) for memory")
    elif watched and peak_bytes > attempt.memory_bytes:
        attempt.fail("memory", f"it held {peak_bytes / 1e6:.0f} MB, more than {attempt.memory_bytes / 1e6:.0f} MB")
