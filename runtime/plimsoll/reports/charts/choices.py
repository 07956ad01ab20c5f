"""Choices as dots: what each costs against what it gives, with the line that it must not cross."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plimsoll.reports.charts.legend import ROW_HEIGHT, drawn_legend, legend_rows
from plimsoll.reports.charts.panel import Panel, text_width
from plimsoll.reports.charts.scales import fitting
from plimsoll.reports.charts.svg import dot, drawing, element, text

_TOP, _HEIGHT = 34.0, 220.0
_MARK_RADIUS = 9.0


@dataclass(frozen=True, slots=True)
class Choice:
    """`kind` is its colour; what is not `kept` is drawn as a ring."""

    name: str
    group: str
    kind: str
    x: float
    y: float
    kept: bool
    chosen: bool = False


def choices_chart(
    choices: Sequence[Choice], x_title: str, y_title: str, limit: tuple[float, str] | None, width: float
) -> str:
    """At least one choice; the chosen one is circled."""
    xs, ys = [choice.x for choice in choices], [choice.y for choice in choices] + ([limit[0]] if limit else [])
    x, y = fitting(min(xs), max(xs) * 1.05), fitting(min(ys), max(ys) * 1.1)
    rows = legend_rows(((choice.group, choice.kind) for choice in choices), width)
    top = _TOP + len(rows) * ROW_HEIGHT
    panel = Panel(56, top, width - 16, top + _HEIGHT, x, y)
    parts = [*drawn_legend(rows, 0.0), *panel.frame(y_title, x_title)]
    parts += panel.load_line(*limit) if limit else ()
    for choice in choices:
        parts += _drawn(panel, choice)
    return drawing(width, panel.bottom + 44, f"{y_title} against {x_title}", parts)


def _drawn(panel: Panel, choice: Choice) -> Iterator[str]:
    at = panel.at(choice.x, choice.y)
    yield dot(at, choice.kind if choice.kept else "ring", choice.name)
    if choice.chosen:
        yield element("circle", cx=at[0], cy=at[1], r=_MARK_RADIUS, class_="mark")
        left = at[0] + 14 + text_width(choice.name) > panel.right
        yield text(at[0] + (-14 if left else 14), at[1] - 8, choice.name, "end", "end" if left else "start")
