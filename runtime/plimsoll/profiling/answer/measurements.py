"""The measured part of the profile: what phases have written, and what takes several of them to say."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, pairwise

from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.advice.stalls import find_stalls
from plimsoll.profiling.answer.decision import Decision, phase_peak_bytes
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.report import gpu_measurements
from plimsoll.profiling.measure.meter import FRONT, TreeMemory
from plimsoll.profiling.measure.timeline import Moment, Recorder
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.phases.candidate import Candidate
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import row_costs, rows_result
from plimsoll.profiling.result.base import LatencySeconds
from plimsoll.profiling.result.growth import GrowthResult
from plimsoll.profiling.result.measurements import (
    CpuLevelResult,
    Measurements,
    MemoryResult,
    PhaseSpan,
    Processes,
    ProcessMemoryResult,
    ProcessResult,
    RequestCpuSeconds,
    RequestResult,
    StartupResult,
    Timeline,
)
from plimsoll.profiling.statistics import added, rank_percentile, slope, upper_bound

_MOST_MOMENTS = 240


def build_measurements(findings: Findings, decision: Decision, gpu: GpuVerdict) -> Measurements:
    """Whatever was not measured stays None."""
    capacity, census, dataset, slo = findings.capacity, findings.census, findings.dataset, findings.options.slo
    best_rps, recommended, operating = capacity.best_rps(), decision.recommended, decision.operating
    under_load = added(level.window.answer.failed_rows for level in capacity.levels)
    return Measurements(
        startup=_startup(findings),
        request=_request(findings),
        concurrency_levels=[level.result for level in capacity.levels],
        rate_levels=[one.judged(best_rps, slo) for one in findings.rate_levels(operating) if one is not operating],
        operating_level=operating.judged(best_rps, slo) if operating else None,
        cpu_levels=cpu_levels(findings, decision.chosen),
        batch_levels=capacity.batch_levels(),
        batch_fit=capacity.batch_fit(slo),
        growth=with_time_to_limit(findings.growth, recommended),
        memory=_memory(findings, decision),
        rows=rows_result(census, dataset, under_load),
        timeline=timeline(findings.timeline),
        latency_curves=capacity.curves(),
        row_costs=row_costs(census, dataset),
        level_windows=[level.one_by_one() for level in capacity.levels],
        stalls=find_stalls(findings.timeline.stretches, recommended.configuration, findings.setup.noisy_cores),
        gpu=gpu_measurements(findings.gpu, gpu, findings.gpu_growth),
    )


def memories(findings: Findings, decision: Decision) -> list[TreeMemory]:
    """Readings in the order they were taken."""
    startup = [findings.startup.memory] if findings.startup else []
    census = [findings.census.memory] if findings.census.memory else []
    levels = [level.memory for level in findings.capacity.levels]
    return startup + census + levels + [level.memory for level in findings.sustained_levels(decision.operating)]


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
        warmup=findings.warmup,
    )


def _request(findings: Findings) -> RequestResult:
    capacity = findings.capacity
    costs_s = [row.cpu_s for row in findings.census.rows.values()]
    windows = chain.from_iterable(level.windows for level in capacity.saturated())
    knee, alone = capacity.knee(), capacity.alone()
    return RequestResult(
        cpu_seconds=RequestCpuSeconds(
            mean=knee.result.cpu_seconds_per_request if knee else None,
            upper_bound=upper_bound([window.cpu_per_request_s for window in windows]),
            p50=rank_percentile(costs_s, 0.5),
            p95=rank_percentile(costs_s, 0.95),
            max=max(costs_s, default=None),
        ),
        latency_seconds=alone.result.latency_seconds if alone else LatencySeconds(),
    )


def cpu_levels(findings: Findings, chosen: Candidate | None) -> list[CpuLevelResult]:
    """By the number of CPUs, all of them last; none where it was not varied."""
    candidates = sorted([*findings.sweep.candidates, *findings.quota.candidates], key=lambda one: one.cpus)
    if not candidates or findings.startup is None:
        return []
    full = len(findings.setup.server_cpus)
    least_rps = candidates[0].capacity.best_rps() / candidates[0].cpus
    tried = [(one.cpus, one.method, one.capacity.knee(), one.startup) for one in candidates]
    return [
        CpuLevelResult.of(
            knee.result,
            cpus=cpus,
            method=method,
            efficiency=knee.result.requests_per_second / cpus / least_rps if least_rps else 0.0,
            seconds_to_ready=startup.seconds_to_ready,
            chosen=cpus == (chosen.cpus if chosen else full),
        )
        for cpus, method, knee, startup in [*tried, (full, "affinity", findings.capacity.knee(), findings.startup)]
        if knee is not None
    ]


def with_time_to_limit(growth: GrowthResult, recommended: Recommended) -> GrowthResult:
    """The time to the limit is at the rate that the replica is meant to carry, from what it holds now."""
    memory = recommended.memory
    room_bytes = memory.size.request_bytes - memory.base_bytes if memory else None
    return growth.using_up(room_bytes, recommended.operating_rps)


def _memory(findings: Findings, decision: Decision) -> MemoryResult:
    readings = memories(findings, decision)
    if not readings or findings.startup is None or findings.surroundings.memory_unknown:
        return MemoryResult()
    last = readings[-1]
    private = [memory.private_bytes for role, memory in last.roles.items() if role != FRONT]
    in_flight = [(float(level.connections), float(level.memory.total.peak_bytes)) for level in findings.capacity.levels]
    rise_bytes = slope(in_flight)
    return MemoryResult(
        peak_bytes=max(findings.startup.memory.total.peak_bytes, phase_peak_bytes(findings, decision.operating)),
        pss_bytes=max(reading.total.held_bytes for reading in readings),
        high_water_sum_bytes=max(reading.total.high_water_sum_bytes for reading in readings),
        per_worker_private_bytes=round(statistics.fmean(private)) if private else None,
        shared_bytes=last.total.held_bytes - sum(private),
        per_in_flight_bytes=None if rise_bytes is None else max(0, round(rise_bytes)),
        swap_bytes=max(reading.total.swap_bytes for reading in readings),
        shared_memory_files_bytes=max(reading.total.shmem_bytes for reading in readings),
    )


def timeline(recorder: Recorder) -> Timeline:
    """Neighbouring moments are merged until few enough are left: mean of the cores, greatest memory."""
    moments = recorder.moments
    size = -(-len(moments) // _MOST_MOMENTS) or 1
    groups = [moments[place : place + size] for place in range(0, len(moments), size)]
    first_share = next((moment.held_share for moment in moments if moment.held_share is not None), 1.0)
    return Timeline(
        phases=list(_spans(recorder)),
        seconds=[round(group[-1].at_s, 2) for group in groups],
        cores=[round(sum(moment.cores for moment in group) / len(group), 3) for group in groups],
        memory_bytes=[max(_held_bytes(moment, first_share) for moment in group) for group in groups],
        gpu_memory_bytes=[max(moment.gpu_bytes or 0 for moment in group) for group in groups if recorder.gpu],
    )


def _held_bytes(moment: Moment, first_share: float) -> int:
    share = first_share if moment.held_share is None else moment.held_share
    return round(moment.resident_bytes * share)


def _spans(recorder: Recorder) -> Iterator[PhaseSpan]:
    last_s = recorder.moments[-1].at_s if recorder.moments else 0.0
    begins = [*recorder.phases, ("", max([last_s, *(begin_s for _, begin_s in recorder.phases)]))]
    for (name, begin_s), (_, end_s) in pairwise(begins):
        yield PhaseSpan(name=name, begin_seconds=round(begin_s, 2), end_seconds=round(end_s, 2))


def build_processes(findings: Findings) -> Processes:
    """CPU over all capacity levels and per request at the knee, memory after the last level."""
    capacity, startup, driver = findings.capacity, findings.startup, findings.surroundings.driver_memory
    memory = capacity.levels[-1].memory if capacity.levels else startup.memory if startup else None
    groups = memory.roles if memory else {}
    roles = {role for level in capacity.levels for role in level.window.cpu_s} | set(groups)
    workers = sorted(roles - {FRONT}, key=lambda role: (len(role), role))
    return Processes(
        front=_role(FRONT, capacity, groups),
        workers=[_role(role, capacity, groups) for role in workers],
        driver=_process(
            capacity, lambda window: window.answer.driver_cpu_s, ProcessMemoryResult.of(driver) if driver else None
        ),
    )


def _role(role: str, capacity: Capacity, groups: Mapping[str, GroupMemory]) -> ProcessResult:
    group = groups.get(role)
    memory = ProcessMemoryResult.of(group, peak_bytes=group.high_water_sum_bytes) if group else None
    return _process(capacity, lambda window: window.cpu_s.get(role, 0.0), memory)


def _process(
    capacity: Capacity, used_s: Callable[[Window], float], memory: ProcessMemoryResult | None
) -> ProcessResult:
    levels, knee = capacity.levels, capacity.knee()
    return ProcessResult(
        cpu_seconds=sum(used_s(level.window) for level in levels) if levels else None,
        cpu_seconds_per_request=used_s(knee.window) / knee.result.requests if knee else None,
        memory=memory,
    )
