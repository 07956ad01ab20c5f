"""Names of lines above a chart, in as many rows as the width asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from plimsoll.reports.charts.panel import text_width
from plimsoll.reports.charts.svg import line, text

ROW_HEIGHT = 18.0
_KEY = 16.0
_GAP = 14.0
_BASELINE = 12.0


def legend_rows(entries: Iterable[tuple[str, str]], width: float) -> list[list[tuple[str, str]]]:
    """Pairs of name and colour, each once, as many in a row as fit into the width."""
    rows: list[list[tuple[str, str]]] = []
    left = 0.0
    for name, kind in dict.fromkeys(entries):
        needed = _KEY + 4 + text_width(name) + _GAP
        if not rows or left + needed > width:
            rows.append([])
            left = 0.0
        rows[-1].append((name, kind))
        left += needed
    return rows


def drawn_legend(rows: list[list[tuple[str, str]]], left: float) -> Iterator[str]:
    """From the top of the drawing down."""
    for place, row in enumerate(rows):
        x, y = left, _BASELINE + place * ROW_HEIGHT
        for name, kind in row:
            yield line((x, y - 4), (x + _KEY, y - 4), f"line {kind}")
            yield text(x + _KEY + 4, y, name, "legend")
            x += _KEY + 4 + text_width(name) + _GAP
