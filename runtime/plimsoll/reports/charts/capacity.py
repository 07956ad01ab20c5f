"""Throughput and latency against the number of connections, one above the other on the same axis."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.measurements import ConcurrencyLevel
from plimsoll.reports.charts.panel import Panel
from plimsoll.reports.charts.scales import fitting, linear, steps
from plimsoll.reports.charts.svg import dot, drawing, line, text
from plimsoll.reports.units import connections, milliseconds, number

_HEIGHT = 190.0
_RIGHT = 44.0
_LEFT = 48.0
_PERCENTILES = (("p50", "first"), ("p95", "second"), ("p99", "third"))


def capacity_chart(levels: list[ConcurrencyLevel], knee: int | None, most_rps: float | None, width: float) -> str:
    """`knee`: the fewest connections with 95 % of the peak throughput. `most_rps`: the rate that is recommended."""
    upper = _throughput_panel(levels, most_rps, width)
    lower = _latency_panel(levels, width)
    parts = [
        *_knee_line(upper, lower, knee, levels),
        *upper.frame("requests per second", x_labels=False),
        *_throughput(upper, levels, most_rps),
        *lower.frame("latency, ms", "connections (requests in flight)"),
        *_latencies(lower, levels),
    ]
    return drawing(width, lower.bottom + 44, "Throughput and latency against the number of connections", parts)


def _throughput_panel(levels: list[ConcurrencyLevel], most_rps: float | None, width: float) -> Panel:
    greatest = max([level.requests_per_second for level in levels] + [most_rps or 0.0])
    x = steps([float(level.connections) for level in levels])
    return Panel(_LEFT, 34, width - _RIGHT, 34 + _HEIGHT, x, linear(greatest * 1.05))


def _latency_panel(levels: list[ConcurrencyLevel], width: float) -> Panel:
    values = [value * 1000 for level in levels for name, _ in _PERCENTILES if (value := _percentile(level, name))]
    y = fitting(min(values, default=1.0), max(values, default=1.0))
    top = 34 + _HEIGHT + 44
    return Panel(_LEFT, top, width - _RIGHT, top + _HEIGHT, steps([float(level.connections) for level in levels]), y)


def _throughput(panel: Panel, levels: list[ConcurrencyLevel], most_rps: float | None) -> Iterator[str]:
    points = [panel.at(level.connections, level.requests_per_second) for level in levels]
    yield panel.series(points, "main")
    if most_rps is not None:
        yield from panel.load_line(most_rps, f"recommended: {number(most_rps)} requests/s")
    for point, level in zip(points, levels, strict=True):
        yield dot(point, "main", f"{connections(level.connections)}: {number(level.requests_per_second)} requests/s")


def _latencies(panel: Panel, levels: list[ConcurrencyLevel]) -> Iterator[str]:
    ends = []
    for name, kind in _PERCENTILES:
        known = [(level, value) for level in levels if (value := _percentile(level, name)) is not None]
        points = [panel.at(level.connections, value * 1000) for level, value in known]
        yield panel.series(points, kind)
        for point, (level, value) in zip(points, known, strict=True):
            yield dot(point, kind, f"{connections(level.connections)}: {name} {milliseconds(value)} ms", 3)
        if points:
            ends.append((points[-1][1], name, kind))
    yield from panel.end_labels(ends)


def _knee_line(upper: Panel, lower: Panel, knee: int | None, levels: list[ConcurrencyLevel]) -> Iterator[str]:
    if knee is None or len(levels) < 2:
        return
    x = upper.at(float(knee), 0.0)[0]
    yield line((x, upper.top), (x, lower.bottom), "knee")
    at_right = x > (upper.left + upper.right) / 2
    yield text(x + (-6 if at_right else 6), lower.top - 16, "knee", "tick", "end" if at_right else "start")


def _percentile(level: ConcurrencyLevel, name: str) -> float | None:
    value: float | None = getattr(level.latency_seconds, name)
    return value
