"""Who used what: front, each model worker, and the load driver."""

from __future__ import annotations

from plimsoll.profiling.capacity import Level
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.meter import FRONT, TreeMemory
from plimsoll.profiling.result_measurements import Processes, ProcessMemoryResult, ProcessResult


def build_processes(findings: Findings) -> Processes:
    """CPU over all capacity levels, memory after the last."""
    levels = findings.capacity.levels
    memory = levels[-1].memory if levels else findings.startup.memory if findings.startup else None
    workers = sorted(_roles(levels, memory) - {FRONT}, key=lambda role: (len(role), role))
    return Processes(
        front=_process(FRONT, levels, memory),
        workers=[_process(role, levels, memory) for role in workers],
        driver=_driver(findings),
    )


def _roles(levels: list[Level], memory: TreeMemory | None) -> set[str]:
    used = {role for level in levels for window in level.windows for role in window.cpu_s}
    return used | set(memory.roles if memory else ())


def _process(role: str, levels: list[Level], memory: TreeMemory | None) -> ProcessResult:
    windows = [window for level in levels for window in level.windows]
    cpu_s = sum(window.cpu_s.get(role, 0.0) for window in windows)
    requests = sum(level.requests for level in levels)
    group = memory.roles.get(role) if memory else None
    return ProcessResult(
        cpu_seconds=cpu_s if windows else None,
        cpu_seconds_per_request=cpu_s / requests if requests else None,
        memory=None
        if group is None
        else ProcessMemoryResult(
            pss_bytes=group.pss_bytes, private_bytes=group.uss_bytes, peak_bytes=group.high_water_sum_bytes
        ),
    )


def _driver(findings: Findings) -> ProcessResult:
    windows = [window for level in findings.capacity.levels for window in level.windows]
    cpu_s = sum(window.answer.driver_cpu_s for window in windows)
    requests = sum(level.requests for level in findings.capacity.levels)
    memory = findings.driver_memory
    return ProcessResult(
        cpu_seconds=cpu_s if windows else None,
        cpu_seconds_per_request=cpu_s / requests if requests else None,
        memory=None
        if memory is None
        else ProcessMemoryResult(
            pss_bytes=memory.pss_bytes, private_bytes=memory.uss_bytes, peak_bytes=memory.peak_bytes
        ),
    )
