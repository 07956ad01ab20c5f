"""The answer on a console: what was measured, every doubt about it, and as the last lines the recommendation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.profiling.result.measurements import ConcurrencyLevel
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.arrivals import arrivals_sentence, how_they_came
from plimsoll.reports.gpu import gpu_answer, gpu_rows
from plimsoll.reports.stalls import stall_answer
from plimsoll.reports.tables import heaviest_table
from plimsoll.reports.units import (
    cores,
    growth_cells,
    mebibytes,
    megabytes,
    milliseconds,
    number,
    percentiles,
    replicas_for_target,
)

_MOST_FAILED_ROWS = 10


def print_profile(profile: Profile, console: Console) -> None:
    """Writes the whole answer to stdout's console; its last lines are the summary, which scripts can read too."""
    for part in _parts(profile):
        console.print(part)
        console.print()
    for line in answer_lines(profile):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def answer_lines(profile: Profile) -> list[str]:
    """A line each: flags to serve with, CPU, memory, GPU if used, stalls, rate; or why there is no answer."""
    recommendation = profile.recommendation
    cpu, memory, rate_rps = recommendation.cpu, recommendation.memory, recommendation.max_requests_per_second
    if cpu is None or memory is None or rate_rps is None:
        return [f"no recommendation: {profile.error.message if profile.error else 'nothing was measured'}"]
    target = replicas_for_target(recommendation.replicas)
    return [
        *_unproved(profile),
        *(f"serve:  with {flags}" for flags in _configuration(profile)),
        f"cpu:    limit {cores(cpu.limit_cores)}{_tail(profile, 'limited')},"
        f" request {cores(cpu.request_cores)}{_tail(profile, 'full_node')}",
        f"memory: {mebibytes(memory.request_bytes)}",
        *(f"gpu:    {words}" for words in gpu_answer(profile)),
        *(f"stall:  {words}" for words in stall_answer(profile)),
        f"rate:   up to {number(rate_rps)} requests/s per replica{target}; grade {profile.grade}",
    ]


def _unproved(profile: Profile) -> Iterator[str]:
    """What no trial has confirmed is said before any number."""
    if profile.verification is None or not profile.verification.passed:
        yield f"grade:  {profile.grade}, {profile.grade_reasons[0]}"


def _tail(profile: Profile, where: Literal["limited", "full_node"]) -> str:
    """The latency that goes with a number of cores, where it was measured."""
    found, cpu = profile.verification, profile.recommendation.cpu
    if found is None or cpu is None or (where == "limited" and found.limits.cpu_cores != cpu.limit_cores):
        return ""
    p95_s = getattr(found.evidence, f"{where}_p95_seconds")
    place = " on a full node" if where == "full_node" else ""
    return f" (p95 {milliseconds(p95_s)} ms{place})" if p95_s is not None else ""


def _configuration(profile: Profile) -> Iterator[str]:
    """The flags to serve with, where they differ from the defaults."""
    advice, fit = profile.recommendation, profile.measurements.batch_fit
    flags = [("--workers", advice.workers)] if advice.workers > 1 else []
    flags += [("--threads", advice.threads)] if advice.threads > 1 else []
    if advice.max_batch_size is not None and fit is not None and advice.max_batch_size < fit.largest_size:
        flags.append(("--max-batch-size", advice.max_batch_size))
    if flags:
        yield " ".join(f"{name} {value}" for name, value in flags)


def _parts(profile: Profile) -> list[RenderableType]:
    parts: list[RenderableType] = [_heading(profile)]
    if profile.measurements.startup.seconds_to_ready is not None:
        parts.append(_titled("Resources", _basics(profile)))
    if profile.measurements.concurrency_levels:
        parts.append(_titled("Capacity, closed loop", _levels(profile.measurements.concurrency_levels)))
    if profile.measurements.rows.heaviest:
        parts.append(_rows(profile))
    parts.append(_reasons(profile))
    return parts


def _heading(profile: Profile) -> Text:
    colour = "green" if profile.state == "Succeeded" else "red"
    text = Text(f"Profile {profile.name}: ", style="bold")
    text.append(profile.state, style=f"bold {colour}")
    text.append(f" in {profile.elapsed_seconds:.0f} s, grade {profile.grade}", style="none")
    if profile.error is not None:
        text.append(f"\n{profile.error.message}", style="red")
        for line in profile.error.details:
            text.append(f"\n  {line}", style="dim")
    return text


def _basics(profile: Profile) -> Table:
    startup, memory, request = (
        profile.measurements.startup,
        profile.measurements.memory,
        profile.measurements.request,
    )
    table = _table("", "", "")
    table.show_header = False
    table.columns[2].justify = "left"
    table.add_row("time to ready", f"{number(startup.seconds_to_ready)} s", f"{number(startup.cpu_seconds)} s of CPU")
    first = f"{milliseconds(startup.first_request_seconds)} ms"
    table.add_row("first request", first, f"then {milliseconds(request.latency_seconds.p50)} ms (p50, one at a time)")
    loading = f"peak {megabytes(startup.peak_memory_bytes)} MB while loading"
    table.add_row("memory when ready", f"{megabytes(startup.ready_memory_bytes)} MB", loading)
    per_worker = f"{megabytes(memory.per_worker_private_bytes)} MB private to each worker"
    table.add_row("peak memory", f"{megabytes(memory.peak_bytes)} MB", per_worker)
    table.add_row("CPU per request", f"{milliseconds(request.cpu_seconds.mean)} ms", _cpu_split(profile))
    for row in gpu_rows(profile):
        table.add_row(*row)
    _add_operating_point(table, profile)
    return table


def _add_operating_point(table: Table, profile: Profile) -> None:
    """Only longer runs have these."""
    point, growth = profile.recommendation.operating_point, profile.measurements.growth
    if point is not None and point.latency_seconds.p50 is not None:
        latency = point.latency_seconds
        others = f"p95 {milliseconds(latency.p95)} ms, p99 {milliseconds(latency.p99)} ms"
        others += f", max {milliseconds(latency.max)} ms"
        rate = f"at {number(point.requests_per_second)} requests/s {how_they_came(profile)}"
        table.add_row("latency at the rate", f"{milliseconds(latency.p50)} ms", f"p50; {others}, {rate}")
    if growth.verdict is not None:
        table.add_row("memory growth", *growth_cells(growth))


def _cpu_split(profile: Profile) -> str:
    front = milliseconds(profile.processes.front.cpu_seconds_per_request)
    costs_s = [worker.cpu_seconds_per_request or 0.0 for worker in profile.processes.workers]
    driver = milliseconds(profile.processes.driver.cpu_seconds_per_request)
    return f"model {milliseconds(sum(costs_s))} ms, server {front} ms; not counted: load driver {driver} ms"


def _levels(levels: list[ConcurrencyLevel]) -> Table:
    table = _table(
        "connections",
        "requests/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "max ms",
        "failed",
        "cores",
        "CPU ms",
        "MB",
    )
    for level in levels:
        table.add_row(
            str(level.connections),
            number(level.requests_per_second),
            *percentiles(level.latency_seconds),
            str(level.requests - level.successes),
            number(level.cores_used.mean),
            milliseconds(level.cpu_seconds_per_request),
            megabytes(level.memory.peak_bytes),
        )
    return table


def _rows(profile: Profile) -> Group:
    rows = profile.measurements.rows
    heaviest = heaviest_table(rows.heaviest)
    table = _table("row", *heaviest.columns[1:])
    for row in heaviest.rows:
        # A name may look like rich's markup.
        table.add_row(*(Text(cell) for cell in row))
    title = f"Rows: {rows.measured} of {rows.count} measured; the most expensive"
    lines: list[RenderableType] = [_titled(title, table)]
    for failed in rows.failed[:_MOST_FAILED_ROWS]:
        name = f" ({failed.name})" if failed.name else ""
        lines.append(Text(f"row {failed.row}{name} failed: {failed.outcome}", style="red"))
    if len(rows.failed) > _MOST_FAILED_ROWS:
        lines.append(Text(f"and {len(rows.failed) - _MOST_FAILED_ROWS} more rows failed", style="red"))
    return Group(*lines)


def _reasons(profile: Profile) -> Group:
    lines = [Text("Why", style="bold")]
    reasons = [*profile.recommendation.reasons(), *filter(None, [arrivals_sentence(profile)])]
    lines += [Text(f"• {reason}") for reason in reasons]
    lines += [Text(f"• warning: {warning}", style="yellow") for warning in profile.warnings]
    lines += [Text(f"• {profile.grade}: {reason}", style="dim") for reason in profile.grade_reasons]
    return Group(*lines)


def _titled(title: str, table: Table) -> Group:
    return Group(Text(title, style="bold"), table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", header_style="dim")
    return table
