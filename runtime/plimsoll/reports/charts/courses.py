"""Several series over the same time, in panels one above the other: what happened, and what would have happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plimsoll.reports.charts.legend import ROW_HEIGHT, drawn_legend, legend_rows
from plimsoll.reports.charts.panel import Panel
from plimsoll.reports.charts.scales import Scale, fitting, linear, span
from plimsoll.reports.charts.svg import area, drawing, polyline

_HEIGHT = 150.0
_GAP = 48.0
_TOP = 34.0
_LEFT = 56.0
_RIGHT = 8.0
_AIR = 1.1


@dataclass(frozen=True, slots=True)
class Series:
    """A line, `kind` its colour; None is a gap. `steps`: it holds until the next value."""

    name: str
    kind: str
    values: Sequence[float | None]
    steps: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """One panel; `limit` is drawn as the load line. `far` values, far apart, may have a logarithmic axis."""

    title: str
    series: Sequence[Series]
    limit: tuple[float, str] | None = None
    far: bool = False


def courses_chart(
    times: Sequence[float], end: float, unit: str, lanes: Sequence[Lane], label: str, width: float
) -> str:
    """`times` in `unit`, of all series; `end` is where the last value ends. `label` is for those who cannot see it."""
    x = span(end)
    told_apart = [series for lane in lanes if len(lane.series) > 1 for series in lane.series]
    rows = legend_rows(((series.name, series.kind) for series in told_apart), width)
    top = _TOP + len(rows) * ROW_HEIGHT
    parts = list(drawn_legend(rows, 0.0))
    for place, lane in enumerate(lanes):
        begin = top + place * (_HEIGHT + _GAP)
        panel = Panel(_LEFT, begin, width - _RIGHT, begin + _HEIGHT, x, _scale(lane))
        is_last = place == len(lanes) - 1
        parts += panel.frame(lane.title, unit if is_last else "", x_labels=is_last)
        for series in lane.series:
            parts += _drawn(panel, times, end, series)
        if lane.limit is not None:
            parts += panel.load_line(*lane.limit)
    return drawing(width, top + len(lanes) * (_HEIGHT + _GAP), label, parts)


def _scale(lane: Lane) -> Scale:
    values = [value for series in lane.series for value in series.values if value is not None]
    values += [lane.limit[0]] if lane.limit else []
    greatest = max(values, default=1.0)
    return fitting(min(values, default=1.0), greatest * _AIR) if lane.far else linear(greatest * _AIR, 3)


def _drawn(panel: Panel, times: Sequence[float], end: float, series: Series) -> Iterator[str]:
    for run in _runs(times, end, series):
        points = [panel.at(at, value) for at, value in run]
        if series.filled:
            yield area(points, panel.bottom, series.kind)
        yield polyline(points, series.kind)


def _runs(times: Sequence[float], end: float, series: Series) -> Iterator[list[tuple[float, float]]]:
    """The stretches between gaps."""
    run: list[tuple[float, float]] = []
    for at, until, value in zip(times, [*times[1:], end], series.values, strict=True):
        if value is None:
            if run:
                yield run
            run = []
        else:
            run += [(at, value), (until, value)] if series.steps else [((at + until) / 2, value)]
    if run:
        yield run
