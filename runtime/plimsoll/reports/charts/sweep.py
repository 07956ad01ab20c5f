"""Throughput against the number of CPUs, beside what linear scaling would give."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.measurements import CpuLevelResult
from plimsoll.reports.charts.panel import Panel
from plimsoll.reports.charts.scales import linear, steps
from plimsoll.reports.charts.svg import dot, drawing, element, polyline, text
from plimsoll.reports.units import number

_HEIGHT = 200.0


def sweep_chart(levels: list[CpuLevelResult], width: float) -> str:
    """The number of CPUs that was chosen is circled."""
    ordered = sorted(levels, key=lambda level: level.cpus)
    greatest = max(level.requests_per_second for level in ordered)
    x = steps([level.cpus for level in ordered], margin=0.08)
    panel = Panel(48, 34, width - 16, 34 + _HEIGHT, x, linear(greatest * 1.15))
    parts = [
        *panel.frame("requests per second", "CPUs"),
        *_ideal(panel, ordered, greatest * 1.15),
        panel.series(
            [panel.at(level.cpus, level.requests_per_second) for level in ordered if level.method == "affinity"], "main"
        ),
        *(part for level in ordered for part in _level(panel, level)),
    ]
    return drawing(width, panel.bottom + 44, "Throughput against the number of CPUs", parts)


def _ideal(panel: Panel, levels: list[CpuLevelResult], top: float) -> Iterator[str]:
    first = levels[0]
    rates = [(level.cpus, first.requests_per_second * level.cpus / first.cpus) for level in levels]
    inside = [panel.at(cpus, rate) for cpus, rate in rates if rate <= top]
    if len(inside) > 1:
        yield polyline(inside, "ideal")


def _level(panel: Panel, level: CpuLevelResult) -> Iterator[str]:
    x, y = panel.at(level.cpus, level.requests_per_second)
    rate = number(level.requests_per_second)
    tip = f"{level.cpus:g} CPUs by {level.method}: {rate} requests/s, {level.efficiency:.0%} of linear scaling"
    yield dot((x, y), "ring" if level.method == "quota" else "main", tip)
    yield text(x, y - 12, rate, "end", "middle")
    if level.chosen:
        yield element("circle", cx=x, cy=y, r=8, class_="mark")
