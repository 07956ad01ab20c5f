"""Which share of the requests took how long, the tail drawn as wide as the middle."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.measurements import LatencyCurve
from plimsoll.reports.charts.panel import Panel, text_width
from plimsoll.reports.charts.scales import fitting, tail
from plimsoll.reports.charts.svg import dot, drawing, polyline, text
from plimsoll.reports.units import connections, milliseconds

_HEIGHT = 240.0
_KINDS = ("first", "third", "second")


def cdf_chart(curves: list[LatencyCurve], width: float) -> str:
    """A curve for each level, in the order of the list."""
    panel = _panel(curves, width)
    parts = [*panel.frame("share of requests that took at most …", "latency, ms")]
    for curve, kind in zip(curves, _KINDS, strict=False):
        parts += _curve(panel, curve, kind)
    parts += _legend(panel, curves)
    return drawing(width, panel.bottom + 44, "Distribution of latencies", parts)


def _panel(curves: list[LatencyCurve], width: float) -> Panel:
    seconds = [value for curve in curves for value in curve.seconds]
    x = fitting(min(seconds) * 1000, max(seconds) * 1000)
    return Panel(60, 34, width - 16, 34 + _HEIGHT, x, tail(max(curve.requests for curve in curves)))


def _curve(panel: Panel, curve: LatencyCurve, kind: str) -> Iterator[str]:
    shares = [min(share, 1 - 1 / curve.requests) if curve.requests > 1 else 0.0 for share in curve.shares]
    points = [panel.at(seconds * 1000, share) for seconds, share in zip(curve.seconds, shares, strict=True)]
    yield polyline([(points[0][0], panel.bottom), *points], kind)
    for share, seconds, point in zip(curve.shares, curve.seconds, points, strict=True):
        if share in (0.5, 0.95, 0.99, 0.999, 1.0):
            name = "longest" if share == 1.0 else f"p{share * 100:g}"
            yield dot(point, kind, f"{connections(curve.connections)}: {name} {milliseconds(seconds)} ms", 3)


def _legend(panel: Panel, curves: list[LatencyCurve]) -> Iterator[str]:
    labels = [f"{connections(curve.connections)}, n = {curve.requests:,}" for curve in curves]
    left = panel.right - max(text_width(label) for label in labels) - 4
    for place, (label, kind) in enumerate(zip(labels, _KINDS, strict=False)):
        y = panel.bottom - 14 - 16 * (len(labels) - 1 - place)
        yield polyline([(left - 28, y - 4), (left - 8, y - 4)], kind)
        yield text(left, y, label, "legend")
