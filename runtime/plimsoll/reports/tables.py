"""Tables of the page that `profile.md` shows too."""

from __future__ import annotations

from plimsoll.profiling.result.measurements import (
    ConcurrencyLevel,
    FailedRow,
    HeavyRow,
    Processes,
    ProcessResult,
)
from plimsoll.reports.parts import TableData
from plimsoll.reports.units import UNKNOWN, megabytes, milliseconds, number, percentiles

_MOST_FAILED = 20


def levels_table(levels: list[ConcurrencyLevel]) -> TableData:
    times = ("p50 ms", "p95 ms", "p99 ms", "max ms")
    names = ("connections", "requests/s", *times, "n", "failed", "cores", "CPU ms", "memory MB")
    return TableData(names, tuple(_level(level) for level in levels))


def _level(level: ConcurrencyLevel) -> tuple[str, ...]:
    return (
        str(level.connections),
        number(level.requests_per_second),
        *percentiles(level.latency_seconds),
        f"{level.requests:,}",
        f"{level.requests - level.successes:,}",
        number(level.cores_used.mean),
        milliseconds(level.cpu_seconds_per_request),
        megabytes(level.memory.peak_bytes),
    )


def heaviest_table(rows: list[HeavyRow]) -> TableData:
    return TableData(("most expensive rows", "bytes", "ms", "CPU ms", "memory MB"), tuple(_heavy(row) for row in rows))


def _heavy(row: HeavyRow) -> tuple[str, ...]:
    rise = UNKNOWN if row.peak_memory_bytes is None else f"+{row.peak_memory_bytes / 1e6:.1f}"
    cost = milliseconds(row.latency_seconds), milliseconds(row.cpu_seconds)
    return (_named(row.row, row.name), f"{row.body_bytes:,}", *cost, rise)


def failed_table(rows: list[FailedRow]) -> TableData:
    lines = [
        (_named(row.row, row.name), row.outcome, milliseconds(row.latency_seconds), f"{row.failures_under_load:,}")
        for row in rows[:_MOST_FAILED]
    ]
    if len(rows) > _MOST_FAILED:
        lines.append((f"and {len(rows) - _MOST_FAILED:,} more", "", "", ""))
    return TableData(("failed rows", "answer", "ms", "failures under load"), tuple(lines))


def _named(row: int, name: str | None) -> str:
    return f"{row} {name}" if name else str(row)


def costs_table(processes: Processes) -> TableData:
    """What the model uses, apart from what the server adds."""
    workers = [(f"model worker {place}", worker) for place, worker in enumerate(processes.workers)]
    everyone = [("HTTP front", processes.front), *workers, ("load driver (not counted)", processes.driver)]
    columns = ("process", "CPU ms per request", "CPU s in total", "memory MB", "private MB")
    return TableData(columns, tuple(_process(name, process) for name, process in everyone))


def _process(name: str, process: ProcessResult) -> tuple[str, ...]:
    memory = process.memory
    return (
        name,
        milliseconds(process.cpu_seconds_per_request),
        number(process.cpu_seconds),
        megabytes(memory.pss_bytes if memory else None),
        megabytes(memory.private_bytes if memory else None),
    )
