"""From findings to open-loop levels and growth in the result."""

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
from plimsoll.profiling.result.base import CoresUsed, LatencySeconds, LevelMemory
from plimsoll.profiling.result.levels import (
    BatchLevelResult,
    CpuLevelResult,
    GrowthResult,
    LatenessSeconds,
    RateLevelResult,
)

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
    return GrowthResult(
        verdict=growth.verdict,
        bytes_per_1000_requests=_per_thousand(growth.bytes_per_request),
        lower_bytes_per_1000_requests=_per_thousand(lower),
        upper_bytes_per_1000_requests=_per_thousand(upper),
        readings=growth.readings,
        requests=growth.requests,
        seconds_to_limit=_seconds_to_limit(recommended),
    )


def _per_thousand(value: float | None) -> float | None:
    return None if value is None else value * _THOUSAND


def _seconds_to_limit(recommended: Recommended) -> float | None:
    cpu, memory, leak_bytes = recommended.cpu, recommended.memory, recommended.leak_bytes
    if not leak_bytes or cpu is None or memory is None or not cpu.operating_rps:
        return None
    return (memory.request_bytes - memory.base_bytes) / (leak_bytes * cpu.operating_rps)
