"""The sections of the page in their order, and those that nearly every run has."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.measurements import ConcurrencyLevel
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.batches import batches
from plimsoll.reports.charts.capacity import capacity_chart
from plimsoll.reports.charts.cdf import cdf_chart
from plimsoll.reports.charts.rows import rows_chart
from plimsoll.reports.charts.timeline import timeline_chart
from plimsoll.reports.gates import gates
from plimsoll.reports.gpu import gpu_bytes_of, gpu_figure
from plimsoll.reports.html.trust import growth, rates, sweep, verification
from plimsoll.reports.parts import Figure, pair
from plimsoll.reports.stalls import stall_spans, stalls
from plimsoll.reports.tables import costs_table, failed_table, heaviest_table, levels_table
from plimsoll.reports.units import milliseconds, number

_KNEE_SHARE = 0.95


def figures(profile: Profile) -> list[Figure]:
    """Phases that were not run have no section."""
    load = (verification, _capacity, _latency, rates, sweep, batches, gpu_figure)
    parts = (gates, stalls, *load, _timeline, growth, _rows, _costs)
    return [figure for part in parts for figure in part(profile)]


def knee_of(levels: list[ConcurrencyLevel]) -> ConcurrencyLevel | None:
    """The fewest connections that reach 95 % of the greatest throughput."""
    best_rps = max((level.requests_per_second for level in levels), default=0.0)
    reached = (level for level in levels if level.requests_per_second >= best_rps * _KNEE_SHARE and level.successes)
    return min(reached, key=lambda level: level.connections, default=None)


def _capacity(profile: Profile) -> Iterator[Figure]:
    levels, knee = profile.measurements.concurrency_levels, knee_of(profile.measurements.concurrency_levels)
    if not levels or knee is None:
        return
    most_rps = profile.recommendation.max_requests_per_second
    more = (
        "more of them wait longer and add less than 5 % throughput" if knee is not levels[-1] else "more were not tried"
    )
    caption = (
        f"With {knee.connections:,} request{'s' * (knee.connections > 1)} in flight the server reaches "
        f"{number(knee.requests_per_second)} requests/s; {more}."
    )
    chart = pair(lambda width: capacity_chart(levels, knee.connections, most_rps, width))
    yield Figure("Throughput and latency", caption, chart, (levels_table(levels),))


def _latency(profile: Profile) -> Iterator[Figure]:
    curves = [curve for curve in profile.measurements.latency_curves if curve.seconds]
    if curves:
        caption = (
            "The axis of shares is logarithmic: 90 %, 99 % and 99.9 % are equally far apart, so that the slow requests "
            "can be seen. With one connection nothing waits; at the knee, queueing is part of the latency."
        )
        yield Figure("How long requests take", caption, pair(lambda width: cdf_chart(curves, width)))


def _timeline(profile: Profile) -> Iterator[Figure]:
    timeline = profile.measurements.timeline
    if len(timeline.seconds) < 2:
        return
    cpu, memory = profile.recommendation.cpu, profile.recommendation.memory
    cores = cpu.limit_cores if cpu else None
    size_bytes = memory.request_bytes if memory else None
    caption, spans = "All processes of the server together, without the load driver.", stall_spans(profile)
    caption += " Vertical bars: the server stood still." if spans else ""
    chart = pair(lambda width: timeline_chart(timeline, cores, size_bytes, width, gpu_bytes_of(profile), spans))
    yield Figure("The run", caption, chart)


def _rows(profile: Profile) -> Iterator[Figure]:
    measurements = profile.measurements
    rows, costs, cpu = measurements.rows, measurements.row_costs, measurements.request.cpu_seconds
    if not rows.measured:
        return
    caption = f"{rows.measured:,} of {rows.count:,} rows sent one at a time ({rows.distinct:,} distinct)."
    if cpu.p50 is not None:
        caption += f" CPU per row: median {milliseconds(cpu.p50)} ms, maximum {milliseconds(cpu.max)} ms."
    chart = pair(lambda width: rows_chart(costs, width)) if len(costs.rows) > 1 else None
    tables = [heaviest_table(rows.heaviest)] if rows.heaviest else []
    tables += [failed_table(rows.failed)] if rows.failed else []
    yield Figure("What each row costs", caption, chart, tuple(tables))


def _costs(profile: Profile) -> Iterator[Figure]:
    startup, request = profile.measurements.startup, profile.measurements.request
    if startup.seconds_to_ready is None:
        return
    caption = (
        f"Ready after {number(startup.seconds_to_ready)} s, using {number(startup.cpu_seconds)} s of CPU; "
        f"the first request took {milliseconds(startup.first_request_seconds)} ms, "
        f"later ones {milliseconds(request.latency_seconds.p50)} ms (median)."
    )
    yield Figure("CPU and memory by process", caption, None, (costs_table(profile.processes),))
