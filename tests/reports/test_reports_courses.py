"""Charts of what would happen: series over the same time, and choices by what they cost and give."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from plimsoll.reports.charts.choices import Choice, choices_chart
from plimsoll.reports.charts.courses import Lane, Series, courses_chart
from plimsoll.reports.charts.legend import drawn_legend, legend_rows

EVIL = '<script>alert("1")</script>'


def lines(drawing: str, kind: str) -> list[list[tuple[float, float]]]:
    """The points of each polyline of this colour."""
    found = ElementTree.fromstring(drawing).iter("polyline")
    texts = [element.get("points") or "" for element in found if element.get("class") == f"line {kind}"]
    return [[_point(text) for text in points.split()] for points in texts]


def _point(text: str) -> tuple[float, float]:
    x, y = text.split(",")
    return float(x), float(y)


def course(*series: Series, limit: tuple[float, str] | None = None, far: bool = False) -> str:
    return courses_chart([0.0, 1.0, 2.0, 3.0], 4.0, "hours", [Lane("replicas", series, limit, far)], "A course", 752)


def test_a_gap_parts_a_line() -> None:
    first, second = lines(course(Series("one", "main", [1.0, 2.0, None, 4.0], steps=True)), "main")
    assert (len(first), len(second)) == (4, 2)
    assert max(x for x, _ in first) < min(x for x, _ in second)


def test_a_value_that_holds_is_flat_until_the_next_one() -> None:
    ((begin, end, *_),) = lines(course(Series("one", "main", [1.0, 2.0, 3.0, 4.0], steps=True)), "main")
    assert begin[1] == end[1]
    assert begin[0] < end[0]


def test_each_line_is_named_once() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    lanes = [Lane(title, [Series("HPA", "main", values), Series("fixed", "third", values)]) for title in ("a", "b")]
    drawing = courses_chart([0.0, 1.0, 2.0, 3.0], 4.0, "hours", lanes, "Two panels", 354)
    assert [drawing.count(f">{name}<") for name in ("HPA", "fixed", "hours")] == [1, 1, 1]


def test_the_limit_is_inside_even_if_all_values_are_below() -> None:
    drawing = course(Series("one", "main", [1.0, 1.0, 1.0, 1.0]), limit=(50.0, "objective: 50 ms"), far=True)
    (mark,) = ElementTree.fromstring(drawing).iter("circle")
    assert 34 <= float(mark.get("cy") or "nan") <= 34 + 150
    assert "objective: 50 ms" in drawing


def test_nothing_but_gaps_is_an_empty_panel() -> None:
    assert lines(course(Series("one", "main", [None] * 4), far=True), "main") == []


def test_choices_that_fail_are_rings_and_the_chosen_one_is_circled() -> None:
    choices = [
        Choice("3 replicas", "fixed", "memory", 72.0, 90.0, kept=False),
        Choice("4 replicas", "fixed", "memory", 96.0, 40.0, kept=True),
        Choice(EVIL, "HPA", "main", 60.0, 45.0, kept=True, chosen=True),
    ]
    drawing = choices_chart(choices, "replica-hours", "p99 of latency, ms", (50.0, "objective: 50 ms"), 752)
    assert re.findall(r'class="dot (\w+)"', drawing) == ["ring", "memory", "main"]
    assert drawing.count('class="mark"') == 2
    assert "<script" not in drawing
    ElementTree.fromstring(drawing)


def test_a_single_choice_has_a_chart_too() -> None:
    drawing = choices_chart([Choice("one", "fixed", "main", 0.0, 5.0, True)], "cost", "ms", None, 354)
    assert drawing.count("<circle") == 2


def test_a_legend_takes_as_many_rows_as_it_needs() -> None:
    entries = [(f"KEDA, {rate} requests/s each", "main") for rate in (40, 50, 60)]
    assert [len(row) for row in legend_rows(entries, 752)] == [3]
    assert [len(row) for row in legend_rows(entries, 354)] == [1, 1, 1]
    assert len(list(drawn_legend(legend_rows(entries, 354), 0.0))) == 6
