"""A panel: a rectangle with two axes into which series are drawn, and the load line across it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from plimsoll.reports.charts.scales import Scale
from plimsoll.reports.charts.svg import CHARACTER_PX, Point, element, line, polyline, text

_LABEL_HEIGHT = 13.0
_MARK_RADIUS = 5.0


@dataclass(frozen=True, slots=True)
class Panel:
    """`x` and `y` are the scales, the four numbers the rectangle in which they hold."""

    left: float
    top: float
    right: float
    bottom: float
    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> Point:
        """From values to a point of the drawing, whose y axis points down."""
        across, up = self.x.place(x), self.y.place(y)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def points(self, xs: Iterable[float], ys: Iterable[float | None]) -> list[Point]:
        """Pairs without a value are left out."""
        return [self.at(x, y) for x, y in zip(xs, ys, strict=True) if y is not None]

    def frame(self, y_title: str, x_title: str = "", x_labels: bool = True) -> Iterator[str]:
        """Lines at the ticks of y, labels at both axes, titles where they can be read without turning the head."""
        yield text(0, self.top - 16, y_title, "title")
        for value, label in self.y.ticks:
            y = self.bottom - self.y.place(value) * (self.bottom - self.top)
            yield line((self.left, y), (self.right, y), "grid")
            yield text(self.left - 8, y + 4, label, anchor="end")
        yield line((self.left, self.bottom), (self.right, self.bottom), "axis")
        for value, label in self.x.ticks if x_labels else ():
            x = self.left + self.x.place(value) * (self.right - self.left)
            yield text(x, self.bottom + 18, label, anchor="middle")
        if x_title:
            yield text(self.right, self.bottom + 36, x_title, "title", "end")

    def load_line(self, value: float, label: str) -> Iterator[str]:
        """The mark of a ship's hull: a line with a circle on it."""
        y = self.bottom - self.y.place(value) * (self.bottom - self.top)
        yield line((self.left, y), (self.right, y), "load")
        yield element("circle", cx=self.left + 16, cy=y, r=_MARK_RADIUS, class_="mark")
        yield text(self.left + 30, y - 5, label, "loadlabel")

    def end_labels(self, labels: Sequence[tuple[float, str, str]]) -> Iterator[str]:
        """(y in the drawing, text, kind) right of the panel; labels that would meet are moved apart."""
        last_y = float("-inf")
        ordered = sorted(labels)
        overflow = max(0.0, (len(ordered) - 1) * _LABEL_HEIGHT - (self.bottom - ordered[0][0])) if ordered else 0.0
        for y, label, kind in ordered:
            last_y = max(y - overflow, last_y + _LABEL_HEIGHT)
            yield text(self.right + 9, last_y + 4, label, f"end {kind}")

    def series(self, points: Sequence[Point], kind: str) -> str:
        """A line, where there is more than one point."""
        return polyline(points, kind) if len(points) > 1 else ""


def text_width(label: str) -> float:
    """Pixels, estimated for the small font of the labels: nothing here can measure a font."""
    return len(label) * CHARACTER_PX
