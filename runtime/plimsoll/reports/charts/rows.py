"""What each row costs against how big it is: one dot per row."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from plimsoll.profiling.result.measurements import RowCosts
from plimsoll.reports.charts.panel import Panel
from plimsoll.reports.charts.scales import Scale, linear, logarithmic
from plimsoll.reports.charts.svg import dot, drawing, text
from plimsoll.reports.units import milliseconds

_HEIGHT = 220.0
_FAR_APART = 12
_STANDS_OUT = 2


def rows_chart(costs: RowCosts, width: float) -> str:
    """CPU of each row sent alone."""
    milliseconds_each = [seconds * 1000 for seconds in costs.cpu_seconds]
    x = _axis([float(size) for size in costs.body_bytes])
    panel = Panel(48, 34, width - 12, 34 + _HEIGHT, x, linear(max(milliseconds_each) * 1.05))
    parts = list(panel.frame("CPU per request, ms", "size of the body, bytes"))
    for row, size, seconds in zip(costs.rows, costs.body_bytes, costs.cpu_seconds, strict=True):
        tip = f"row {row}: {size:,} bytes, {milliseconds(seconds)} ms of CPU"
        parts.append(dot(panel.at(size, seconds * 1000), "row", tip, 3))
    parts += _most_expensive(panel, costs)
    return drawing(width, panel.bottom + 44, "CPU of each row against the size of its body", parts)


def _most_expensive(panel: Panel, costs: RowCosts) -> Iterator[str]:
    """The number of the row that costs most, where it stands out."""
    seconds, place = max((seconds, place) for place, seconds in enumerate(costs.cpu_seconds))
    if seconds < _STANDS_OUT * statistics.median(costs.cpu_seconds):
        return
    x, y = panel.at(costs.body_bytes[place], seconds * 1000)
    at_right = x > (panel.left + panel.right) / 2
    yield text(x + (-9 if at_right else 9), y + 4, f"row {costs.rows[place]}", "end", "end" if at_right else "start")


def _axis(sizes: list[float]) -> Scale:
    least, greatest = max(1.0, min(sizes)), max(1.0, *sizes)
    if greatest > _FAR_APART * least:
        return logarithmic(least, greatest)
    return _around(least, greatest)


def _around(least: float, greatest: float) -> Scale:
    """From a little below to a little above: sizes that hardly differ must not pile up at the right edge."""
    room = max((greatest - least) * 0.06, 0.5)
    low, high = least - room, greatest + room
    ticks = [tick for tick in linear(greatest).ticks if low <= tick[0] <= high]
    chosen = ticks if len(ticks) > 1 else [(least, f"{least:,.0f}"), (greatest, f"{greatest:,.0f}")]
    return Scale(lambda size: (size - low) / (high - low), tuple(dict.fromkeys(chosen)))
