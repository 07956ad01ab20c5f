"""From findings to the curves of the result."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from plimsoll.profiling.findings import Findings
from plimsoll.profiling.measure.timeline import Moment
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.result.levels import LatencyCurve, LevelWindows, PhaseSpan, RowCosts, Timeline
from plimsoll.profiling.statistics import spread_out

_MOST_MOMENTS = 240
_MOST_ROWS = 300
_SHARES = (*(step / 40 for step in range(1, 40)), 0.99, 0.995, 0.999, 0.9995, 0.9999)


def build_timeline(findings: Findings) -> Timeline:
    """Neighbouring moments are merged until few enough are left: mean of the cores, greatest memory."""
    moments = findings.timeline.moments
    size = -(-len(moments) // _MOST_MOMENTS) or 1
    groups = [moments[place : place + size] for place in range(0, len(moments), size)]
    first_share = next((moment.held_share for moment in moments if moment.held_share is not None), 1.0)
    return Timeline(
        phases=list(_spans(findings)),
        seconds=[round(group[-1].at_s, 2) for group in groups],
        cores=[round(sum(moment.cores for moment in group) / len(group), 3) for group in groups],
        memory_bytes=[max(_held_bytes(moment, first_share) for moment in group) for group in groups],
        gpu_memory_bytes=[max(moment.gpu_bytes or 0 for moment in group) for group in groups if findings.timeline.gpu],
    )


def _held_bytes(moment: Moment, first_share: float) -> int:
    share = first_share if moment.held_share is None else moment.held_share
    return round(moment.resident_bytes * share)


def _spans(findings: Findings) -> Iterator[PhaseSpan]:
    recorder = findings.timeline
    last_s = recorder.moments[-1].at_s if recorder.moments else 0.0
    begins = [*recorder.phases, ("", max([last_s, *(begin_s for _, begin_s in recorder.phases)]))]
    for (name, begin_s), (_, end_s) in pairwise(begins):
        yield PhaseSpan(name=name, begin_seconds=round(begin_s, 2), end_seconds=round(end_s, 2))


def build_latency_curves(findings: Findings) -> list[LatencyCurve]:
    """With one connection and at the knee."""
    capacity = findings.capacity
    knee = capacity.knee()
    wanted = [level for level in capacity.levels if level.connections == 1 or level is knee]
    return [_curve(level) for level in wanted if level.successes and not level.latency.withheld]


def _curve(level: Level) -> LatencyCurve:
    latency, count = level.latency, level.latency.count
    shares = [*(share for share in _SHARES if share <= 1 - 1 / count), 1.0]
    return LatencyCurve(
        connections=level.connections,
        requests=count,
        shares=shares,
        seconds=[latency.histogram.get_value_at_percentile(share * 100) / 1e6 for share in shares],
    )


def build_row_costs(findings: Findings) -> RowCosts:
    """Of the rows that succeeded, in the order of the dataset."""
    rows = findings.dataset.rows
    costs = sorted(findings.census.succeeded(), key=lambda cost: len(rows[cost.index].body))
    places = [place for place, _ in zip(spread_out(len(costs)), range(_MOST_ROWS), strict=False)] if costs else []
    chosen = sorted((costs[place] for place in places), key=lambda cost: cost.index)
    return RowCosts(
        rows=[rows[cost.index].number for cost in chosen],
        body_bytes=[len(rows[cost.index].body) for cost in chosen],
        cpu_seconds=[cost.cpu_s for cost in chosen],
    )


def build_level_windows(findings: Findings) -> list[LevelWindows]:
    """In the order they were measured."""
    return [
        LevelWindows(
            connections=level.connections,
            requests_per_second=[window.answer.throughput_rps for window in level.windows],
            cpu_seconds_per_request=[window.cpu_per_request_s for window in level.windows],
        )
        for level in findings.capacity.levels
    ]
