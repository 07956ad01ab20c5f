"""Scales and labels: ticks are round and inside, names of phases never lie on each other."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.result.measurements import PhaseSpan
from plimsoll.reports.charts.panel import Panel, text_width
from plimsoll.reports.charts.scales import fitting, linear, logarithmic, span, steps, tail, tick_label
from plimsoll.reports.charts.timeline import _LEFT, _merged, _names

ROOM = 300.0


@given(st.floats(1e-6, 1e9))
def test_a_linear_scale_holds_its_greatest_value(greatest: float) -> None:
    scale = linear(greatest)
    assert 0 < scale.place(greatest) <= 1 + 1e-9
    assert 2 <= len(scale.ticks) <= 8
    assert scale.place(scale.ticks[-1][0]) == pytest.approx(1)


@given(st.floats(1e-3, 1e6), st.floats(1, 1e6))
def test_a_logarithmic_scale_holds_both_ends(least: float, ratio: float) -> None:
    scale = logarithmic(least, least * ratio)
    assert 0 < scale.place(least) < 1
    assert 0 < scale.place(least * ratio) <= 1
    assert all(0 <= scale.place(value) <= 1 for value, _ in scale.ticks)


def test_round_ticks() -> None:
    assert [label for _, label in linear(287).ticks] == ["0", "100", "200", "300"]
    assert [label for _, label in span(191, 4).ticks] == ["0", "50", "100", "150"]
    assert [label for _, label in fitting(3.0, 172.0).ticks] == ["5", "10", "20", "50", "100"]
    assert [label for _, label in fitting(100.0, 172.0).ticks] == ["0", "50", "100", "150", "200"]
    assert [tick_label(value) for value in (0.25, 12500.0, 0.1 + 0.2)] == ["0.25", "12,500", "0.3"]


def test_steps_are_equally_far_apart() -> None:
    scale = steps([1.0, 2.0, 4.0])
    assert scale.place(2.0) - scale.place(1.0) == pytest.approx(scale.place(4.0) - scale.place(2.0))
    assert steps([3.0]).place(3.0) == 0.5


def test_each_nine_is_as_wide_as_the_last() -> None:
    scale = tail(10_000)
    assert scale.place(0.99) - scale.place(0.9) == pytest.approx(scale.place(0.999) - scale.place(0.99))
    assert [label for _, label in tail(100).ticks] == ["0 %", "50 %", "75 %", "90 %", "95 %", "99 %"]
    assert tail(1).place(1.0) == 1


@given(st.lists(st.floats(0, 100), max_size=5))
def test_labels_at_the_end_keep_their_distance(values: list[float]) -> None:
    panel = Panel(0, 0, 100, 100, linear(1), linear(100))
    ends = [(panel.at(0, value)[1], "p50", "first") for value in values]
    places = [float(found) for found in re.findall(r' y="([\d.-]+)"', "".join(panel.end_labels(ends)))]
    assert len(places) == len(values)
    assert all(low + 12.9 <= high for low, high in itertools.pairwise(places))


NAMES = st.sampled_from(["start", "census", "warm-up", "capacity", "a phase with a long name"])


@given(st.lists(st.tuples(NAMES, st.floats(0, 100)), min_size=1, max_size=8))
def test_names_of_phases_are_not_on_each_other_nor_crossed_by_a_line(drawn: list[tuple[str, float]]) -> None:
    drawn.sort(key=lambda pair: pair[1])
    phases = [PhaseSpan(name=name, begin_seconds=begin, end_seconds=begin) for name, begin in drawn]
    x = span(100.0)
    places = []
    for phase, name in zip(phases, _names(phases, x, ROOM + _LEFT + 8), strict=True):
        line = x.place(phase.begin_seconds) * ROOM
        left = line - text_width(phase.name) if name.ends_at_line else line
        places.append((name.row, left, left + text_width(phase.name), line))
    for place, (row, left, right, _) in enumerate(places):
        for other, (other_row, other_left, other_right, line) in enumerate(places):
            if place != other and row == other_row:
                assert right <= other_left + 0.1 or other_right <= left + 0.1
            if place != other and other_row > row:
                assert not left + 0.1 < line < right - 0.1


def test_parts_of_a_phase_are_one() -> None:
    drawn = [("open loop", 0, 1), ("verify: start", 1, 2), ("verify: open loop", 2, 3)]
    phases = [PhaseSpan(name=name, begin_seconds=begin, end_seconds=end) for name, begin, end in drawn]
    assert [(phase.name, phase.begin_seconds, phase.end_seconds) for phase in _merged(phases)] == [
        ("open loop", 0, 1),
        ("verify", 1, 3),
    ]
