"""The measured part of the profile, and who used what: front, each model worker, and the load driver."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import chain

from plimsoll.profiling.answer.curves import build_latency_curves, build_level_windows, build_row_costs, build_timeline
from plimsoll.profiling.answer.decision import Decision, phase_peak_bytes
from plimsoll.profiling.answer.levels import (
    batch_levels,
    build_growth,
    cpu_levels,
    latency_seconds,
    level_memory,
    rate_level,
)
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.report import gpu_measurements
from plimsoll.profiling.measure.meter import FRONT, TreeMemory
from plimsoll.profiling.measure.window import failures_by_row
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.phases.census import RowCost
from plimsoll.profiling.phases.open_loop import RateLevel, slo_met
from plimsoll.profiling.result.base import CoresUsed, LatencySeconds
from plimsoll.profiling.result.levels import RateLevelResult
from plimsoll.profiling.result.measurements import (
    ConcurrencyLevel,
    FailedRow,
    HeavyRow,
    Measurements,
    MemoryResult,
    Processes,
    ProcessMemoryResult,
    ProcessResult,
    RequestCpuSeconds,
    RequestResult,
    RowsResult,
    StartupResult,
    WarmupResult,
)
from plimsoll.profiling.statistics import rank_percentile, slope, upper_bound

_HEAVIEST = 5


def build_measurements(findings: Findings, decision: Decision, gpu: GpuVerdict) -> Measurements:
    """Whatever was not measured stays None."""
    return Measurements(
        startup=_startup(findings),
        request=_request(findings),
        concurrency_levels=[_level(level) for level in findings.capacity.levels],
        rate_levels=[_rate_level(findings, level) for level in findings.rate_levels(decision.chosen)],
        cpu_levels=cpu_levels(findings, decision.chosen),
        batch_levels=batch_levels(findings),
        batch_fit=findings.capacity.batch_fit(findings.options.slo),
        growth=build_growth(findings.growth, decision.recommended),
        memory=_memory(findings, decision),
        rows=_rows(findings),
        timeline=build_timeline(findings),
        latency_curves=build_latency_curves(findings),
        row_costs=build_row_costs(findings),
        level_windows=build_level_windows(findings),
        gpu=gpu_measurements(findings.gpu, gpu),
    )


def _rate_level(findings: Findings, level: RateLevel) -> RateLevelResult:
    return rate_level(level, findings.capacity.best_rps(), slo_met(level, findings.options.slo))


def memories(findings: Findings, decision: Decision) -> list[TreeMemory]:
    """Readings in the order they were taken."""
    startup = [findings.startup.memory] if findings.startup else []
    census = [findings.census.memory] if findings.census.memory else []
    levels = [level.memory for level in findings.capacity.levels]
    return startup + census + levels + [level.memory for level in findings.rate_levels(decision.chosen)]


def _startup(findings: Findings) -> StartupResult:
    startup, first = findings.startup, findings.census.first_request
    if startup is None:
        return StartupResult()
    return StartupResult(
        seconds_to_ready=startup.seconds_to_ready,
        cpu_seconds=startup.cpu_s,
        peak_memory_bytes=startup.memory.total.peak_bytes or None,
        ready_memory_bytes=startup.memory.total.held_bytes or None,
        first_request_seconds=first.answer.latency_s if first else None,
        warmup=_warmup(findings),
    )


def _warmup(findings: Findings) -> WarmupResult | None:
    warmup = findings.warmup
    if not warmup.windows:
        return None
    spread = warmup.last_spread()
    return WarmupResult(
        steady=warmup.steady,
        windows=len(warmup.windows),
        requests=sum(window.answer.requests for window in warmup.windows),
        seconds=sum(window.answer.elapsed_s for window in warmup.windows),
        spread=spread if spread != float("inf") else None,
    )


def _request(findings: Findings) -> RequestResult:
    capacity = findings.capacity
    costs_s = [row.cpu_s for row in findings.census.rows.values()]
    windows = list(chain.from_iterable(level.windows for level in capacity.saturated()))
    knee = capacity.knee()
    alone = capacity.alone()
    return RequestResult(
        cpu_seconds=RequestCpuSeconds(
            mean=knee.cpu_per_request_s if knee else None,
            upper_bound=upper_bound([window.cpu_per_request_s for window in windows]),
            p50=rank_percentile(costs_s, 0.5),
            p95=rank_percentile(costs_s, 0.95),
            max=max(costs_s, default=None),
        ),
        latency_seconds=latency_seconds(alone.latency) if alone else LatencySeconds(),
    )


def _level(level: Level) -> ConcurrencyLevel:
    return ConcurrencyLevel(
        connections=level.connections,
        requests=level.requests,
        successes=level.successes,
        outcomes=_outcomes(level),
        seconds=level.elapsed_s,
        requests_per_second=level.throughput_rps,
        latency_seconds=latency_seconds(level.latency),
        cpu_seconds_per_request=level.cpu_per_request_s,
        cores_used=CoresUsed(mean=level.cores_mean, p95=level.cores_percentile(0.95), max=level.cores_percentile(1.0)),
        memory=level_memory(level.memory.total),
        whole_passes=all(window.answer.whole_passes for window in level.windows),
        driver_cores=level.driver_cores,
        elsewhere_cores=level.elsewhere_cores,
        little_ratio=level.little_ratio,
    )


def _outcomes(level: Level) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    for window in level.windows:
        for outcome, count in window.answer.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    return outcomes


def _memory(findings: Findings, decision: Decision) -> MemoryResult:
    readings = memories(findings, decision)
    if not readings or findings.startup is None or findings.surroundings.memory_unknown:
        return MemoryResult()
    last = readings[-1]
    private = [memory.private_bytes for role, memory in last.roles.items() if role != "front"]
    in_flight = [(float(level.connections), float(level.memory.total.peak_bytes)) for level in findings.capacity.levels]
    rise_bytes = slope(in_flight)
    return MemoryResult(
        peak_bytes=max(findings.startup.memory.total.peak_bytes, phase_peak_bytes(findings, decision.chosen)),
        pss_bytes=max(reading.total.held_bytes for reading in readings),
        high_water_sum_bytes=max(reading.total.high_water_sum_bytes for reading in readings),
        per_worker_private_bytes=round(statistics.fmean(private)) if private else None,
        shared_bytes=last.total.held_bytes - sum(private),
        per_in_flight_bytes=None if rise_bytes is None else max(0, round(rise_bytes)),
        swap_bytes=max(reading.total.swap_bytes for reading in readings),
        shared_memory_files_bytes=max(reading.total.shmem_bytes for reading in readings),
    )


def _rows(findings: Findings) -> RowsResult:
    census, dataset = findings.census, findings.dataset
    return RowsResult(
        count=len(dataset.rows),
        distinct=dataset.distinct(),
        measured=len(census.rows),
        failed=_failed_rows(findings),
        heaviest=[_heavy(findings, row) for row in _heaviest(list(census.rows.values()))],
    )


def _failed_rows(findings: Findings) -> list[FailedRow]:
    under_load = failures_by_row([window for level in findings.capacity.levels for window in level.windows])
    return [
        FailedRow(
            row=findings.setup.row_number(row.index),
            name=findings.dataset.rows[row.index].name,
            outcome=row.answer.outcome,
            latency_seconds=row.answer.latency_s,
            failures_under_load=under_load[row.index],
        )
        for row in findings.census.failed()
    ]


def _heaviest(rows: list[RowCost]) -> list[RowCost]:
    """By CPU, and the one with the greatest rise of memory wherever it stands."""
    heaviest = sorted(rows, key=lambda row: row.cpu_s, reverse=True)[:_HEAVIEST]
    biggest = max(rows, key=lambda row: row.peak_bytes or 0, default=None)
    if biggest is not None and biggest not in heaviest and biggest.peak_bytes:
        heaviest[-1:] = [biggest]
    return heaviest


def _heavy(findings: Findings, cost: RowCost) -> HeavyRow:
    row = findings.dataset.rows[cost.index]
    return HeavyRow(
        row=row.number,
        name=row.name,
        body_bytes=len(row.body),
        latency_seconds=cost.answer.latency_s,
        cpu_seconds=cost.cpu_s,
        peak_memory_bytes=cost.peak_bytes,
    )


def build_processes(findings: Findings) -> Processes:
    """CPU over all capacity levels and per request at the knee, memory after the last level."""
    levels, knee = findings.capacity.levels, findings.capacity.knee()
    memory = levels[-1].memory if levels else findings.startup.memory if findings.startup else None
    workers = sorted(_roles(levels, memory) - {FRONT}, key=lambda role: (len(role), role))
    return Processes(
        front=_process(FRONT, levels, knee, memory),
        workers=[_process(role, levels, knee, memory) for role in workers],
        driver=_driver(findings),
    )


def _roles(levels: Sequence[Level], memory: TreeMemory | None) -> set[str]:
    used = {role for level in levels for window in level.windows for role in window.cpu_s}
    return used | set(memory.roles if memory else ())


def _process(role: str, levels: Sequence[Level], knee: Level | None, memory: TreeMemory | None) -> ProcessResult:
    group = memory.roles.get(role) if memory else None
    return ProcessResult(
        cpu_seconds=sum(_cpu_s(role, level) for level in levels) if levels else None,
        cpu_seconds_per_request=_cpu_s(role, knee) / knee.requests if knee else None,
        memory=None
        if group is None
        else ProcessMemoryResult(
            pss_bytes=group.pss_bytes, private_bytes=group.private_bytes, peak_bytes=group.high_water_sum_bytes
        ),
    )


def _cpu_s(role: str, level: Level) -> float:
    return sum(window.cpu_s.get(role, 0.0) for window in level.windows)


def _driver(findings: Findings) -> ProcessResult:
    levels, knee, memory = findings.capacity.levels, findings.capacity.knee(), findings.surroundings.driver_memory
    return ProcessResult(
        cpu_seconds=sum(_driver_cpu_s(level) for level in levels) if levels else None,
        cpu_seconds_per_request=_driver_cpu_s(knee) / knee.requests if knee else None,
        memory=None
        if memory is None
        else ProcessMemoryResult(
            pss_bytes=memory.pss_bytes, private_bytes=memory.private_bytes, peak_bytes=memory.peak_bytes
        ),
    )


def _driver_cpu_s(level: Level) -> float:
    return sum(window.answer.driver_cpu_s for window in level.windows)
