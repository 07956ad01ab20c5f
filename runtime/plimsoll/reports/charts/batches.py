"""Time of a batch against the calls in it, with the straight line through the points."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.measurements import BatchFitResult, BatchLevelResult
from plimsoll.reports.charts.panel import Panel
from plimsoll.reports.charts.scales import linear
from plimsoll.reports.charts.svg import dot, drawing, element, polyline
from plimsoll.reports.units import milliseconds, number

_HEIGHT = 200.0


def batch_chart(levels: list[BatchLevelResult], fit: BatchFitResult | None, width: float) -> str:
    """The size worth collecting is circled."""
    most_calls = max([level.batch_size for level in levels] + [float(fit.best_size) if fit else 0.0])
    longest_ms = max([level.run_seconds * 1000 for level in levels] + [_line_ms(fit, most_calls)])
    panel = Panel(48, 34, width - 16, 34 + _HEIGHT, linear(most_calls), linear(longest_ms * 1.05))
    parts = [
        *panel.frame("time of a batch, ms", "calls in the batch"),
        *_fitted(panel, fit, most_calls),
        *(_level(panel, level) for level in levels),
    ]
    return drawing(width, panel.bottom + 44, "Time of a batch against the number of calls in it", parts)


def _line_ms(fit: BatchFitResult | None, calls: float) -> float:
    return 1000 * (fit.seconds_per_batch + fit.seconds_per_call * calls) if fit else 0.0


def _fitted(panel: Panel, fit: BatchFitResult | None, most_calls: float) -> Iterator[str]:
    if fit is None:
        return
    yield polyline([panel.at(calls, max(0.0, _line_ms(fit, calls))) for calls in (0.0, most_calls)], "ideal")
    x, y = panel.at(fit.best_size, _line_ms(fit, fit.best_size))
    yield element("circle", cx=x, cy=y, r=8, class_="mark")


def _level(panel: Panel, level: BatchLevelResult) -> str:
    tip = f"{number(level.batch_size)} calls: {milliseconds(level.run_seconds)} ms, {level.connections} connections"
    return dot(panel.at(level.batch_size, level.run_seconds * 1000), "main", tip)
