"""Phase: the recommendation is a hypothesis until a server has run inside it. Three trials at most, each a step up."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Iterator

from plimsoll.host.groups import Delegation, LimitedGroup, LimitsUnavailable, delegate
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer
from plimsoll.profiling.advice.rounding import next_cores, round_up_memory
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.phases.trial import Enclosure, try_out
from plimsoll.profiling.phases.trials import Method, Reference, Trial, Trials
from plimsoll.profiling.session import Session

_MOST_ATTEMPTS = 3
# Ending one server, the heavy rows, the warm-up.
_AROUND_S = 4.0
_MORE_MEMORY, _MORE_MEMORY_BYTES = 1.2, 100_000_000


def verify(session: Session) -> None:
    """Fills in `verification`; raises what the recommendation has to be raised to. Needs the first server gone."""
    findings = session.findings
    reference, plan = reference_of(findings), findings.plan
    if reference is None or plan is None or not plan.verifies or findings.lost():
        return
    with enforcement() as (delegation, why_not):
        found = findings.verification = Trials(method_of(delegation), reference, why_not_enforced=why_not)
        _climb(session, found, delegation)


def method_of(delegation: Delegation | None) -> Method:
    """How limits are enforced with it."""
    if delegation is None:
        return "affinity"
    return "cgroup v1" if delegation.version == 1 else "cgroup v2"


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


def reference_of(findings: Findings) -> Reference | None:
    """The open-loop level at the operating point; None where the run did not come that far."""
    level, startup = findings.operating_level(), findings.startup
    if level is None or startup is None or findings.cpu is None or findings.memory is None:
        return None
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


def _climb(session: Session, found: Trials, delegation: Delegation | None) -> None:
    findings, first_cpu = session.findings, session.findings.cpu
    for number in range(_MOST_ATTEMPTS):
        if findings.cpu is None or findings.memory is None:
            return
        attempt = Trial(found.method, findings.cpu.request_cores, findings.memory.request_bytes)
        found.attempts.append(attempt)
        with limited_group(delegation, number) as group:
            try_out(session, attempt, found.reference, Enclosure(group))
        if attempt.passed or number == _MOST_ATTEMPTS - 1 or _too_late(session, attempt):
            break
        _step_up(findings, attempt)
    if not found.passed:
        # More CPU did not help: then nothing says that it is needed.
        findings.cpu = first_cpu


def _too_late(session: Session, attempt: Trial) -> bool:
    """One more would take about as long as this one."""
    start_s = attempt.startup.seconds_to_ready if attempt.startup else 0.0
    load_s = attempt.level.seconds if attempt.level else 0.0
    return not session.time_for(start_s + load_s + _AROUND_S)


@contextlib.contextmanager
def limited_group(delegation: Delegation | None, number: int) -> Iterator[LimitedGroup | None]:
    """A new group, or None where there can be none."""
    if delegation is None:
        yield None
        return
    with delegation.group(f"plimsoll-{os.getpid()}-{number}") as group:
        yield group


def _step_up(findings: Findings, attempt: Trial) -> None:
    if "memory" in attempt.causes or ("start" in attempt.causes and attempt.use and attempt.use.oom_kills):
        findings.memory = raised_memory(findings.memory) if findings.memory else None
    if {"cpu", "start"} & set(attempt.causes):
        findings.cpu = raised_cpu(findings.cpu, findings.options.max_cpu_cores) if findings.cpu else None


def raised_memory(answer: MemoryAnswer) -> MemoryAnswer:
    """A fifth more, at least 100 MB: what the vertical pod autoscaler adds after an OOM kill."""
    more = max(answer.request_bytes * _MORE_MEMORY, answer.request_bytes + _MORE_MEMORY_BYTES)
    size_bytes = round_up_memory(more)
    reason = f"{answer.reason} Raised, as the server did not get by with {answer.request_bytes / 1e6:.0f} MB."
    return dataclasses.replace(answer, request_bytes=size_bytes, reason=reason)


def raised_cpu(answer: CpuAnswer, max_cores: float | None) -> CpuAnswer:
    """The next step, not above what is allowed."""
    cores = next_cores(answer.request_cores)
    cores = cores if max_cores is None else min(cores, max_cores)
    reason = f"{answer.reason} Raised, as with {answer.request_cores:g} cores the server was too slow."
    return dataclasses.replace(
        answer, request_cores=cores, limit_cores=float(math.ceil(max(cores, 1.0))), reason=reason
    )
