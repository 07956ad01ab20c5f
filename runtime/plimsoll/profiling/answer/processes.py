"""Who used what: front, each model worker, and the load driver."""

from __future__ import annotations

from collections.abc import Sequence

from plimsoll.profiling.findings import Findings
from plimsoll.profiling.measure.meter import FRONT, TreeMemory
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.result.measurements import Processes, ProcessMemoryResult, ProcessResult


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
