"""Cores and memory over the whole run, with the phases and the recommended amounts marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from plimsoll.profiling.result.measurements import PhaseSpan, Timeline
from plimsoll.reports.charts.panel import Panel, text_width
from plimsoll.reports.charts.scales import Scale, linear, span
from plimsoll.reports.charts.svg import Point, area, drawing, element, line, polyline, text
from plimsoll.reports.units import number

_HEIGHT = 130.0
_GAP = 44.0
_LEFT = 48.0
_RIGHT = 8.0
_ROW_HEIGHT = 15.0
_TITLE_HEIGHT = 36.0
_THINNEST_MARK = 1.5


@dataclass(frozen=True, slots=True)
class _Curve:
    """One panel: `limit` is what is recommended."""

    title: str
    kind: str
    values: list[float]
    limit: float | None
    unit: str


def timeline_chart(
    timeline: Timeline,
    cores: float | None,
    memory_bytes: float | None,
    width: float,
    gpu_bytes: float | None = None,
    stalls: Sequence[tuple[float, float]] = (),
) -> str:
    """`cores`, `memory_bytes` and `gpu_bytes` are what is recommended; without a GPU there are two panels.

    `stalls` are begin and length of each in seconds, marked through all panels.
    """
    curves = [
        _Curve("cores in use", "main", timeline.cores, cores, "cores"),
        _in_megabytes("memory, MB", timeline.memory_bytes, memory_bytes),
    ]
    curves += (
        [_in_megabytes("GPU memory, MB", timeline.gpu_memory_bytes, gpu_bytes)]
        if any(timeline.gpu_memory_bytes)
        else []
    )
    end_s = max([*timeline.seconds, *(phase.end_seconds for phase in timeline.phases)])
    x, phases = span(end_s), _merged(timeline.phases)
    names = _names(phases, x, width)
    top = _TITLE_HEIGHT + _ROW_HEIGHT * (1 + max((name.row for name in names), default=0))
    panels = [_panel(curve, top + place * (_HEIGHT + _GAP), width, x) for place, curve in enumerate(curves)]
    parts = list(_bands(phases, panels[0], panels[-1], names))
    parts += _marks(stalls, panels[0], panels[-1])
    for curve, panel in zip(curves, panels, strict=True):
        parts += _drawn(curve, panel, timeline.seconds, is_last=panel is panels[-1])
    return drawing(width, panels[-1].bottom + _GAP, "Cores and memory over time", parts)


def _in_megabytes(title: str, sizes_bytes: list[int], limit_bytes: float | None) -> _Curve:
    limit = None if limit_bytes is None else limit_bytes / 1e6
    return _Curve(title, "memory", [size / 1e6 for size in sizes_bytes], limit, "MB")


def _panel(curve: _Curve, top: float, width: float, x: Scale) -> Panel:
    y = linear(max([*curve.values, curve.limit or 0.0]) * 1.12, 3)
    return Panel(_LEFT, top, width - _RIGHT, top + _HEIGHT, x, y)


def _drawn(curve: _Curve, panel: Panel, seconds: list[float], is_last: bool) -> Iterator[str]:
    if is_last:
        yield from panel.frame(curve.title, "seconds since the server was started")
    else:
        yield from panel.frame(curve.title, x_labels=False)
    yield from _filled(panel, seconds, curve.values, curve.kind)
    if curve.limit:
        yield from panel.load_line(curve.limit, f"recommended: {number(curve.limit)} {curve.unit}")


def _filled(panel: Panel, seconds: list[float], values: list[float], kind: str) -> Iterator[str]:
    points: list[Point] = panel.points(seconds, values)
    yield area(points, panel.bottom, kind)
    yield polyline(points, kind)


@dataclass(frozen=True, slots=True)
class _Name:
    """Where the name of a phase stands: its row counted from below, and whether it ends at its line."""

    row: int
    ends_at_line: bool


def _names(phases: list[PhaseSpan], x: Scale, width: float) -> list[_Name]:
    """Names go into the lowest row with room, from right to left, so that no name is crossed by another's line.

    A name that would leave the page, or meet the line of one that would, stands left of its line, above the others.
    """
    room = width - _LEFT - _RIGHT
    limit = room + _RIGHT
    begins: list[float] = []
    names: list[_Name | None] = []
    for phase in reversed(phases):
        begin = x.place(phase.begin_seconds) * room
        end = begin + text_width(phase.name) + 12
        if end > limit:
            limit = begin
            names.append(None)
            continue
        row = next((place for place, other in enumerate(begins) if end <= other), len(begins))
        # The line of this name runs down through all rows below, so that they too end here.
        begins[: row + 1] = [begin] * (row + 1)
        names.append(_Name(row, False))
    above = count(len(begins))
    return [name or _Name(next(above), True) for name in reversed(names)]


def _merged(phases: list[PhaseSpan]) -> list[PhaseSpan]:
    """Parts of one phase, named `verify: start`, `verify: open loop`, as one."""
    merged: list[PhaseSpan] = []
    for phase in phases:
        name = phase.name.partition(":")[0]
        begin_s = phase.begin_seconds
        if merged and merged[-1].name == name and ":" in phase.name:
            begin_s = merged.pop().begin_seconds
        merged.append(PhaseSpan(name=name, begin_seconds=begin_s, end_seconds=phase.end_seconds))
    return merged


def _bands(phases: list[PhaseSpan], upper: Panel, lower: Panel, names: list[_Name]) -> Iterator[str]:
    for place, (phase, name) in enumerate(zip(phases, names, strict=True)):
        begin, end = (upper.at(at_s, 0.0)[0] for at_s in (phase.begin_seconds, phase.end_seconds))
        y = upper.top - _TITLE_HEIGHT - name.row * _ROW_HEIGHT
        if place % 2 == 0:
            height = lower.bottom - upper.top
            yield element("rect", x=begin, y=upper.top, width=max(0.0, end - begin), height=height, class_="band")
        yield line((begin, y - 9), (begin, lower.bottom), "phase")
        side = (begin - 5, "end") if name.ends_at_line else (begin + 5, "start")
        yield text(side[0], y, phase.name, "phasename", side[1])


def _marks(stalls: Sequence[tuple[float, float]], upper: Panel, lower: Panel) -> Iterator[str]:
    """Each as wide as it was long, as far as that can be seen."""
    for at_s, length_s in stalls:
        begin, end = (upper.at(second, 0.0)[0] for second in (at_s, at_s + length_s))
        tip = element("title", f"stood still for {number(length_s)} s at {number(at_s)} s")
        width, height = max(_THINNEST_MARK, end - begin), lower.bottom - upper.top
        yield element("rect", tip, x=begin, y=upper.top, width=width, height=height, class_="stall")
