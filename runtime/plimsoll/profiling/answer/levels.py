"""Levels, growth and trials, as they are written."""

from __future__ import annotations

from typing import Literal

from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.latency import Distribution
from plimsoll.profiling.phases.candidate import Candidate
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.phases.growth import Growth
from plimsoll.profiling.phases.open_loop import RateLevel
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.phases.trial import Trial
from plimsoll.profiling.phases.verify import Verification
from plimsoll.profiling.result.base import CoresUsed, LatencySeconds, LevelMemory
from plimsoll.profiling.result.levels import (
    BatchLevelResult,
    CpuLevelResult,
    GrowthResult,
    LatenessSeconds,
    RateLevelResult,
)
from plimsoll.profiling.result.verification import Evidence, Limits, Tightness, VerificationAttempt
from plimsoll.profiling.result.verification import Verification as VerificationResult

_THOUSAND = 1000


def latency_seconds(latency: Distribution) -> LatencySeconds:
    """Percentiles as far as the number of requests allows; nothing where too many of them failed."""
    if latency.withheld:
        return LatencySeconds()
    return LatencySeconds(
        mean=latency.mean_s(),
        p50=latency.percentile_s(0.5),
        p90=latency.percentile_s(0.9),
        p95=latency.percentile_s(0.95),
        p99=latency.percentile_s(0.99),
        p999=latency.percentile_s(0.999),
        max=latency.max_s(),
    )


def level_memory(memory: GroupMemory) -> LevelMemory:
    """Of one level; a server that holds nothing at all is one that could not be looked into."""
    if not memory.held_bytes:
        return LevelMemory(pss_bytes=None, peak_bytes=None, high_water_sum_bytes=None)
    return LevelMemory(
        pss_bytes=memory.held_bytes,
        peak_bytes=memory.peak_bytes,
        high_water_sum_bytes=memory.high_water_sum_bytes,
    )


def rate_level(level: RateLevel, capacity_rps: float, slo_met: bool | None) -> RateLevelResult:
    """One open-loop level; `capacity_rps` of 0 is not known."""
    load, answer = level.answer.load, level.answer
    elapsed_s = max(level.seconds, load.elapsed_s)
    return RateLevelResult(
        target_requests_per_second=level.rate_rps,
        requests_per_second=level.achieved_rps,
        capacity_share=level.rate_rps / capacity_rps if capacity_rps else None,
        cpus=level.cpus,
        requests=load.requests,
        offered=answer.offered,
        successes=load.successes,
        outcomes=load.outcomes,
        seconds=elapsed_s,
        latency_seconds=latency_seconds(level.latency),
        lateness_seconds=_lateness(answer.lateness),
        in_flight_mean=level.mean_in_flight,
        in_flight_max=answer.most_in_flight,
        queue_growing=level.queue_grows,
        driver_limited=level.driver_limited,
        slo_met=slo_met,
        cpu_seconds_per_request=level.window.cpu_per_request_s,
        cores_used=_cores(level),
        memory=level_memory(level.memory.total),
        driver_cores=load.driver_cpu_s / elapsed_s,
        elsewhere_cores=level.window.elsewhere_cores,
    )


def _lateness(lateness: Distribution) -> LatenessSeconds:
    return LatenessSeconds(p50=lateness.percentile_s(0.5), p99=lateness.percentile_s(0.99), max=lateness.max_s())


def _cores(level: RateLevel) -> CoresUsed:
    return CoresUsed(mean=level.cores_mean, p95=level.cores_percentile(0.95), max=level.cores_percentile(1.0))


def cpu_levels(findings: Findings, chosen: Candidate | None) -> list[CpuLevelResult]:
    """By the number of CPUs, all of them last; none where it was not varied."""
    candidates = sorted([*findings.sweep.candidates, *findings.quota.candidates], key=lambda one: one.cpus)
    if not candidates or findings.startup is None:
        return []
    least_rps = candidates[0].capacity.best_rps() / candidates[0].cpus
    full, knee = len(findings.setup.server_cpus), findings.capacity.knee()
    recommended = chosen.cpus if chosen else full
    levels = [
        _cpu_level(one.cpus, one.method, knee_of_it, one.startup, least_rps, one.cpus == recommended)
        for one in candidates
        if (knee_of_it := one.capacity.knee()) is not None
    ]
    if knee is not None:
        levels.append(_cpu_level(full, "affinity", knee, findings.startup, least_rps, full == recommended))
    return levels


def _cpu_level(
    cpus: float, method: Literal["affinity", "quota"], knee: Level, startup: Startup, least_rps: float, chosen: bool
) -> CpuLevelResult:
    return CpuLevelResult(
        cpus=cpus,
        method=method,
        connections=knee.connections,
        requests_per_second=knee.throughput_rps,
        latency_seconds=latency_seconds(knee.latency),
        cpu_seconds_per_request=knee.cpu_per_request_s,
        cores_used=CoresUsed(mean=knee.cores_mean, p95=knee.cores_percentile(0.95), max=knee.cores_percentile(1.0)),
        efficiency=knee.throughput_rps / cpus / least_rps if least_rps else 0.0,
        seconds_to_ready=startup.seconds_to_ready,
        chosen=chosen,
    )


def batch_levels(findings: Findings) -> list[BatchLevelResult]:
    """None where run() takes single calls."""
    return [
        BatchLevelResult(
            connections=level.connections,
            batches=round(level.batches.batches),
            batch_size=level.batches.mean_size,
            run_seconds=level.batches.mean_run_s,
            requests_per_second=level.throughput_rps,
        )
        for level in findings.capacity.levels
        if level.batches is not None and level.batches.runs
    ]


def build_growth(growth: Growth, recommended: Recommended) -> GrowthResult:
    """The time to the limit is at the rate that the replica is meant to carry, from what it holds now."""
    lower, upper = growth.interval or (None, None)
    return GrowthResult.of(
        growth,
        bytes_per_1000_requests=_per_thousand(growth.bytes_per_request),
        lower_bytes_per_1000_requests=_per_thousand(lower),
        upper_bytes_per_1000_requests=_per_thousand(upper),
        seconds_to_limit=_seconds_to_limit(recommended),
    )


def _per_thousand(value: float | None) -> float | None:
    return None if value is None else value * _THOUSAND


def _seconds_to_limit(recommended: Recommended) -> float | None:
    cpu, memory, leak_bytes = recommended.cpu, recommended.memory, recommended.leak_bytes
    if not leak_bytes or cpu is None or memory is None or not cpu.operating_rps:
        return None
    return (memory.size.request_bytes - memory.base_bytes) / (leak_bytes * cpu.operating_rps)


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
        cpu=cpu.need_cores / cpu.cores.request_cores if cpu else None,
        memory=memory.need_bytes / memory.size.request_bytes if memory else None,
    )


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other else None
