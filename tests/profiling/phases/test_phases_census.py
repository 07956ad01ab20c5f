"""What follows from the census: which rows fail, which of them harm others, and what a row costs."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from plimsoll.profiling.dataset.rows import JSON_TYPE, Dataset, Row
from plimsoll.profiling.phases.census import Census, RowCost, _busy_threads, describe_failed, load_of, row_costs
from support.made_up import census, findings, row_cost

OUTCOMES = st.sampled_from(["200", "204", "400", "500", "502", "503", "504", "timeout", "closed", "refused"])

# An example takes a tenth of a second: hundreds of them, only to find a smaller one, would take minutes.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.mark.parametrize(
    ("outcome", "fails", "harms"),
    [
        ("200", False, False), ("201", False, False), ("301", True, False), ("404", True, False), ("500", True, False),
        ("502", True, True), ("503", True, True), ("504", True, True), ("timeout", True, True), ("closed", True, True),
    ],
)  # fmt: skip
def test_a_row_that_kills_or_hangs_a_worker_would_disturb_the_others(outcome: str, fails: bool, harms: bool) -> None:
    found = census(row_cost(0), row_cost(1, outcome))
    assert [row.index for row in found.failed()] == ([1] if fails else [])
    assert found.harmful() == (frozenset({1}) if harms else frozenset())


@settings(deadline=None)
@given(st.lists(OUTCOMES, max_size=12), st.integers(0, 5))
def test_load_is_all_rows_but_the_harmful_and_knows_the_failing(outcomes: list[str], unseen: int) -> None:
    """Rows for which there was no time are part of the traffic, too."""
    found = census(*(row_cost(index, outcome) for index, outcome in enumerate(outcomes)))
    load = load_of(found, len(outcomes) + unseen)
    assert set(load.rows) == set(range(len(outcomes) + unseen)) - found.harmful()
    assert load.known_failing == frozenset(row.index for row in found.failed())
    assert {row.index for row in found.succeeded()} | {row.index for row in found.failed()} == set(range(len(outcomes)))


def rows_of(*names: str | None) -> Dataset:
    rows = tuple(Row(10 + place, b"x", JSON_TYPE, name) for place, name in enumerate(names))
    return dataclasses.replace(findings().dataset, rows=rows)


def test_failed_rows_are_named_as_their_file_does() -> None:
    found = census(row_cost(2, "timeout"), row_cost(0, "500"), row_cost(1))
    text = describe_failed(found, rows_of(None, None, "b.jpg"))
    assert text.index("row 10 → 500") < text.index("row 12 (b.jpg) → timeout")
    assert "row 11" not in text


def test_many_failed_rows_are_counted_and_not_all_named() -> None:
    found = census(*(row_cost(index, "500") for index in range(25)))
    text = describe_failed(found, rows_of(*[None] * 25))
    assert text.count("→") == 10
    assert "15 more" in text


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.001, 5), OUTCOMES), max_size=8))
def test_means_are_those_of_the_rows_that_were_answered(costs: list[tuple[float, float, str]]) -> None:
    rows = [
        RowCost(index, dataclasses.replace(row_cost(index, outcome).answer, latency_s=latency_s), cpu_s, None)
        for index, (cpu_s, latency_s, outcome) in enumerate(costs)
    ]
    found, good = census(*rows), [cost for cost in costs if cost[2].startswith("2")]
    counted = good or costs
    assert found.mean_latency_s() == (
        pytest.approx(sum(latency for _, latency, _ in counted) / len(counted)) if costs else None
    )
    elapsed_s = sum(latency for _, latency, _ in good)
    assert found.cores() == pytest.approx(sum(cpu_s for cpu_s, _, _ in good) / elapsed_s if good else 0.0)
    assert found.rises_bytes() == []


def test_how_much_the_time_of_rows_varies() -> None:
    """1, 2 and 3 ms: variance 1, mean 2."""
    rows = [row_cost(place, latency_s=0.001 * (place + 1)) for place in range(3)]
    assert census(*rows, row_cost(7, "500", latency_s=9.0)).squared_variation() == pytest.approx(0.25)
    assert census(rows[0]).squared_variation() is None


def test_memory_that_nobody_knows_is_left_out() -> None:
    found = census(row_cost(0, peak_bytes=5), row_cost(1, peak_bytes=None), row_cost(2, peak_bytes=7))
    assert found.rises_bytes() == [5, 7]


@pytest.mark.parametrize(
    ("before", "after", "busy"),
    [
        ({}, {}, 0),
        ({}, {(1, 1): {10: 1000}}, 1),
        ({}, {(1, 1): {10: 500, 11: 500, 12: 60}}, 2),
        ({}, {(1, 1): {10: 100, 11: 100, 12: 100, 13: 100}}, 4),
        ({(1, 1): {10: 900}}, {(1, 1): {10: 1000, 11: 100}}, 2),
        ({(1, 1): {10: 900, 11: 100}}, {(1, 1): {10: 1000, 11: 101}}, 1),
        ({}, {(1, 1): {10: 0, 11: 0}}, 0),
        ({}, {(1, 1): {10: 100}, (2, 1): {20: 50, 21: 50}}, 2),
        ({(1, 1): {10: 5000, 11: 5000}}, {(1, 2): {10: 100}}, 1),
    ],
)
def test_threads_that_share_the_work_of_one_request(
    before: dict[tuple[int, int], dict[int, int]], after: dict[tuple[int, int], dict[int, int]], busy: int
) -> None:
    """Of one process, since before; a thread counts from a tenth of its process's work on."""
    assert _busy_threads(before, after) == busy


def test_nothing_was_measured_is_no_row_at_all() -> None:
    nothing = Census()
    assert (nothing.failed(), nothing.succeeded(), nothing.rises_bytes()) == ([], [], [])
    assert (nothing.mean_latency_s(), nothing.cores(), nothing.squared_variation()) == (None, 0.0, None)


@settings(deadline=None, max_examples=30, phases=WITHOUT_SHRINKING)
@given(
    sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=700), failing=st.sets(st.integers(0, 699), max_size=20)
)
@example(sizes=[*range(350, 0, -1)] * 2, failing={3, 5})
def test_costs_of_rows_are_spread_over_the_sizes_of_the_bodies(sizes: list[int], failing: set[int]) -> None:
    rows = tuple(Row(10 + index, b"x" * size, JSON_TYPE) for index, size in enumerate(sizes))
    costs = [row_cost(index, "500" if index in failing else "200") for index in range(len(sizes))]
    built = row_costs(census(*costs), dataclasses.replace(findings().dataset, rows=rows))
    sound = [index for index in range(len(sizes)) if index not in failing]
    assert len(built.rows) == len(built.body_bytes) == len(built.cpu_seconds) == min(300, len(sound))
    assert built.rows == sorted(set(built.rows)), "in the order of the dataset, none twice"
    assert set(built.rows) <= {10 + index for index in sound}
    assert [sizes[number - 10] for number in built.rows] == built.body_bytes
    if len(sound) <= 300:
        assert built.rows == [10 + index for index in sound]
    elif sound:
        assert min(built.body_bytes) == min(sizes[index] for index in sound)
