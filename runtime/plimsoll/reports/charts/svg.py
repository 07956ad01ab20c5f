"""SVG elements as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

Point = tuple[float, float]
# Of the page's font at 11 px; only to find out whether labels would meet.
CHARACTER_PX = 6.1


def element(name: str, content: str = "", **attributes: object) -> str:
    """`class_` and `text_anchor` become `class` and `text-anchor`; content is taken as it is."""
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    written = "".join(f' {key}="{escape(_plain(value))}"' for key, value in pairs)
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(x: float, y: float, content: str, kind: str = "tick", anchor: str = "start") -> str:
    """Text at a point of its baseline."""
    return element("text", escape(content), x=x, y=y, class_=kind, text_anchor=anchor)


def line(begin: Point, end: Point, kind: str) -> str:
    """A straight line from one point to another."""
    return element("line", x1=begin[0], y1=begin[1], x2=end[0], y2=end[1], class_=kind)


def polyline(points: Sequence[Point], kind: str) -> str:
    """A line through all points; neither closed nor filled."""
    return element("polyline", points=_joined(points), class_=f"line {kind}")


def area(points: Sequence[Point], floor: float, kind: str) -> str:
    """Filled down to `floor`."""
    if not points:
        return ""
    outline = [(points[0][0], floor), *points, (points[-1][0], floor)]
    return element("polygon", points=_joined(outline), class_=f"area {kind}")


def dot(point: Point, kind: str, tip: str, radius: float = 3.5) -> str:
    """With a tip for the mouse, and a larger place to hit than is seen."""
    title = element("title", escape(tip))
    seen = element("circle", cx=point[0], cy=point[1], r=radius, class_=f"dot {kind}")
    return element("g", title + seen + element("circle", cx=point[0], cy=point[1], r=11, class_="hit"))


def drawing(width: float, height: float, label: str, parts: Iterable[str]) -> str:
    """The whole picture; `label` is what a screen reader says."""
    view = f"0 0 {_plain(width)} {_plain(height)}"
    return element("svg", "".join(parts), viewBox=view, role="img", aria_label=label)


def _joined(points: Sequence[Point]) -> str:
    return " ".join(f"{_plain(x)},{_plain(y)}" for x, y in points)


def _plain(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
