"""From the trials inside the limits to the result."""

from __future__ import annotations

from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.answer.levels import latency_seconds
from plimsoll.profiling.phases.trial import Trial
from plimsoll.profiling.phases.verify import Verification
from plimsoll.profiling.result.base import LatencySeconds
from plimsoll.profiling.result.verification import Evidence, Limits, Tightness, VerificationAttempt
from plimsoll.profiling.result.verification import Verification as VerificationResult


def verification_result(found: Verification | None) -> VerificationResult | None:
    """None where nothing was tried."""
    if found is None or not found.trials:
        return None
    return VerificationResult(
        method=found.method,
        why_not_enforced=found.why_not_enforced,
        limits=_limits(found.trials[-1]),
        passed=found.passed,
        attempts=[_trial(trial) for trial in found.trials],
        evidence=_evidence(found),
    )


def _limits(trial: Trial) -> Limits:
    return Limits(cpu_cores=trial.cpu_cores, memory_bytes=trial.memory_bytes)


def _trial(trial: Trial) -> VerificationAttempt:
    level, used = trial.level, trial.load_use
    load = level.answer.load if level else None
    return VerificationAttempt(
        limits=_limits(trial),
        passed=trial.passed,
        failures=trial.failures,
        seconds_to_ready=trial.startup.seconds_to_ready if trial.startup else None,
        requests=load.requests if load else None,
        successes=load.successes if load else None,
        requests_per_second=level.achieved_rps if level else None,
        latency_seconds=latency_seconds(level.latency) if level else LatencySeconds(),
        cores_used=level.cores_mean if level else None,
        throttled_share=used.throttled_share if used else None,
        throttled_seconds=used.throttled_s if used else None,
        oom_kills=trial.use.oom_kills if trial.use else None,
        memory_peak_bytes=trial.use.memory_peak_bytes if trial.use else trial.tree_peak_bytes,
        elsewhere_cores=level.window.elsewhere_cores if level else None,
    )


def _evidence(found: Verification) -> Evidence:
    reference, level = found.reference, found.trials[-1].level
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
        tightness=_tightness(found.recommended),
    )


def _tightness(recommended: Recommended) -> Tightness:
    cpu, memory = recommended.cpu, recommended.memory
    return Tightness(
        cpu=cpu.need_cores / cpu.request_cores if cpu else None,
        memory=memory.need_bytes / memory.request_bytes if memory else None,
    )


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other else None
