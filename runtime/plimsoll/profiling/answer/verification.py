"""From the trials inside the limits to the result."""

from __future__ import annotations

from plimsoll.profiling.answer.levels import latency_seconds
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.phases.trials import Trial, Trials
from plimsoll.profiling.result.base import LatencySeconds
from plimsoll.profiling.result.verification import Evidence, Limits, Tightness, Verification, VerificationAttempt


def build_verification(findings: Findings) -> Verification | None:
    """None where nothing was tried."""
    found = findings.verification
    if found is None or not found.attempts:
        return None
    return Verification(
        method=found.method,
        why_not_enforced=found.why_not_enforced,
        limits=_limits(found.attempts[-1]),
        passed=found.passed,
        attempts=[_attempt(attempt) for attempt in found.attempts],
        evidence=_evidence(findings, found),
    )


def _limits(attempt: Trial) -> Limits:
    return Limits(cpu_cores=attempt.cpu_cores, memory_bytes=attempt.memory_bytes)


def _attempt(attempt: Trial) -> VerificationAttempt:
    level, used = attempt.level, attempt.load_use
    load = level.answer.load if level else None
    return VerificationAttempt(
        limits=_limits(attempt),
        passed=attempt.passed,
        failures=attempt.failures,
        seconds_to_ready=attempt.startup.seconds_to_ready if attempt.startup else None,
        requests=load.requests if load else None,
        successes=load.successes if load else None,
        requests_per_second=level.achieved_rps if level else None,
        latency_seconds=latency_seconds(level.latency) if level else LatencySeconds(),
        cores_used=level.cores_mean if level else None,
        throttled_share=used.throttled_share if used else None,
        throttled_seconds=used.throttled_s if used else None,
        oom_kills=attempt.use.oom_kills if attempt.use else None,
        memory_peak_bytes=attempt.use.memory_peak_bytes if attempt.use else attempt.tree_peak_bytes,
        elsewhere_cores=level.window.elsewhere_cores if level else None,
    )


def _evidence(findings: Findings, found: Trials) -> Evidence:
    reference, level = found.reference, found.attempts[-1].level
    p95_s = level.latency.percentile_s(0.95) if level else None
    p99_s = level.latency.percentile_s(0.99) if level else None
    return Evidence(
        target_requests_per_second=reference.rate_rps,
        seconds=reference.seconds,
        unlimited_p95_seconds=reference.p95_s,
        unlimited_p99_seconds=reference.p99_s,
        limited_p95_seconds=p95_s,
        limited_p99_seconds=p99_s,
        p95_ratio=_ratio(p95_s, reference.p95_s),
        p99_ratio=_ratio(p99_s, reference.p99_s),
        tightness=_tightness(findings),
    )


def _tightness(findings: Findings) -> Tightness:
    cpu, memory = findings.cpu, findings.memory
    return Tightness(
        cpu=cpu.need_cores / cpu.request_cores if cpu else None,
        memory=memory.need_bytes / memory.request_bytes if memory else None,
    )


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other else None
