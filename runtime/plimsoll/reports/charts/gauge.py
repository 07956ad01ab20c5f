"""A hull seen from the side: how far it is full, and where its load line is."""

from __future__ import annotations

from plimsoll.reports.charts.svg import drawing, element, line

_WIDTH, _HEIGHT = 220.0, 30.0
_BAR_TOP, _BAR_HEIGHT = 10.0, 10.0
# The mark must not be cut off at the end of the bar.
_AIR = 1.08


def gauge(filled: float, load_line: float, label: str) -> str:
    """Both in the same unit; the greater of them with some air is the whole width."""
    whole = max(filled, load_line) * _AIR
    filled_x, line_x = (_WIDTH * value / whole for value in (filled, load_line))
    ends = (line_x, 2.0), (line_x, _HEIGHT - 2)
    parts = [
        element("rect", x=0, y=_BAR_TOP, width=_WIDTH, height=_BAR_HEIGHT, rx=2, class_="track"),
        element("rect", x=0, y=_BAR_TOP, width=filled_x, height=_BAR_HEIGHT, rx=2, class_="filled"),
        element("circle", cx=line_x, cy=_BAR_TOP + _BAR_HEIGHT / 2, r=7.5, class_="under"),
        line(*ends, "load"),
        element("circle", cx=line_x, cy=_BAR_TOP + _BAR_HEIGHT / 2, r=5, class_="mark"),
    ]
    return drawing(_WIDTH, _HEIGHT, label, parts)
