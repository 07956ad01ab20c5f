"""Levels of load: pooled from their windows, the knee among them, and Little's law as the check on all of it."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.profiling.advice.batching import BatchUse
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.measure.metrics import MOST_CONNECTIONS
from plimsoll.profiling.phases.capacity import Capacity, Level, _why_enough, connection_counts
from support.made_up import level, window

RATES = st.lists(st.floats(1.0, 500.0), min_size=1, max_size=6)


def capacity(*rates_rps: float, **failing: int) -> Capacity:
    """Levels of 1, 2, 4, … connections; `level_2=9`: so many unexpected failures in that of place 2."""
    levels = [level(window(2**place, rate)) for place, rate in enumerate(rates_rps)]
    for name, failures in failing.items():
        place = int(name.removeprefix("level_"))
        levels[place] = dataclasses.replace(levels[place], unexpected_failures=failures)
    return Capacity(tuple(levels))


@settings(deadline=None, max_examples=40)
@given(RATES)
def test_the_knee_is_the_fewest_connections_that_reach_95_per_cent(rates_rps: list[float]) -> None:
    found = capacity(*rates_rps)
    knee = found.knee()
    if not any(one.result.successes for one in found.levels):
        assert knee is None
    else:
        assert knee is not None
        assert knee.result.requests_per_second >= 0.95 * found.best_rps()
        fewer = [one.result for one in found.levels if one.connections < knee.connections]
        assert all(one.requests_per_second < 0.95 * found.best_rps() for one in fewer)
        assert found.saturated()[0] is knee
    assert found.best_rps() == max(one.result.requests_per_second for one in found.levels)


def test_a_level_that_fails_is_no_knee_and_no_best() -> None:
    found = capacity(100.0, 190.0, 400.0, level_2=200)
    assert found.levels[2].failing
    assert (found.best_rps(), found.knee()) == (190.0, found.levels[1])
    assert capacity(100.0, level_0=1).levels[0].failing is False, "now and then one"
    assert capacity(100.0, level_0=2).levels[0].failing is True


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 20)), min_size=1, max_size=5), st.integers(1, 8))
def test_a_level_is_the_sum_of_its_windows(windows: list[tuple[int, int]], connections: int) -> None:
    whole = level(
        *(
            window(connections, float(rate), failures={0: min(failed, rate)} if failed else None)
            for rate, failed in windows
        )
    )
    made = whole.result
    failed = sum(min(failed, rate) for rate, failed in windows)
    assert made.requests == sum(rate for rate, _ in windows)
    assert made.successes == made.requests - failed
    assert whole.latency.count == made.successes
    assert made.seconds == len(windows)
    assert made.requests_per_second == pytest.approx(made.successes / len(windows))
    assert made.cpu_seconds_per_request == pytest.approx(0.01)
    assert made.cores_used.mean == pytest.approx(0.01 * made.requests / len(windows))
    assert made.driver_cores == pytest.approx(0.02)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 64), st.integers(5, 400), st.integers(0, 4))
def test_littles_law_holds_of_a_level_that_nothing_disturbed(connections: int, rate: int, failed: int) -> None:
    """Each request takes connections / rate seconds; failures take their time, too."""
    made = level(*[window(connections, float(rate), failures={0: failed} if failed else None)] * 3)
    assert made.result.little_ratio == pytest.approx(1.0, rel=0.001)


@pytest.mark.parametrize(("latency_s", "ratio"), [(0.005, 0.5), (0.010, 1.0), (0.020, 2.0)])
def test_what_the_driver_missed_shows_in_littles_law(latency_s: float, ratio: float) -> None:
    """100 answers a second over one connection leave 10 ms for each."""
    assert level(window(1, 100.0, latency_s)).result.little_ratio == pytest.approx(ratio)


def test_what_others_used_is_weighted_by_time() -> None:
    calm, busy = window(1, 100.0), window(1, 100.0, elsewhere_cores=1.5)
    long = dataclasses.replace(calm, answer=dataclasses.replace(calm.answer, elapsed_s=2.0))
    made = level(long, busy).result
    assert made.elsewhere_cores == pytest.approx(0.5)
    assert made.cores_used.max == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("failures", "flat", "enough"),
    [(0, 0, False), (0, 1, False), (0, 2, True), (1, 0, False), (2, 0, True), (50, 2, True)],
)
def test_when_more_connections_are_worth_nothing(failures: int, flat: int, enough: bool) -> None:
    made = dataclasses.replace(level(window(1, 100.0)), unexpected_failures=failures)
    why = _why_enough(made, flat)
    assert bool(why) is enough
    if failures > 1:
        assert f"{failures} requests failed" in why


COUNTS: dict[str, Any] = {
    "slots": st.integers(1, 64),
    "latency_s": st.floats(0.0001, 5.0),
    "max_batch_size": st.none() | st.integers(1, 128),
    "most": st.integers(1, MOST_CONNECTIONS),
}


@given(**COUNTS)
def test_levels_rise_from_one_to_no_more_than_there_may_be(
    slots: int, latency_s: float, max_batch_size: int | None, most: int
) -> None:
    counts = list(connection_counts(slots, latency_s, max_batch_size, most))
    assert counts[0] == 1
    assert counts == sorted(set(counts))
    assert counts[-1] <= most
    if latency_s <= 1.0:
        full = most if max_batch_size is None else min(most, 2 * slots * max_batch_size)
        assert counts[-1] == full
        step = 2 if max_batch_size is None else 4
        assert all(after <= step * before for before, after in itertools.pairwise(counts))
    else:
        assert len(counts) <= 3, "a slow model gets few levels"


def with_batches(connections: int, size: float, run_s: float) -> Level:
    use = BatchUse(32, 100, 100 * size, 100, 100 * run_s)
    return dataclasses.replace(level(window(connections, 100.0)), batches=use)


def test_batches_of_all_levels_make_the_line() -> None:
    """12 ms for one call, 26 for eight: 2 ms each and 10 for the batch."""
    found = Capacity((with_batches(1, 1.0, 0.012), with_batches(16, 8.0, 0.026)))
    fit = found.batch_fit(None)
    assert fit is not None
    assert (fit.seconds_per_call, fit.seconds_per_batch) == (pytest.approx(0.002), pytest.approx(0.010))
    assert (fit.largest_size, found.max_batch_size()) == (32, 32)
    bounded = found.batch_fit(Slo(0.99, 0.0601))
    assert bounded is not None
    assert bounded.best_size == 10, "twice 30 ms"
    assert fit.best_size == 32


def test_where_there_are_no_batches_there_is_no_size() -> None:
    assert capacity(100.0).batch_fit(None) is None
    assert capacity(100.0).batch_levels() == []
    assert capacity(100.0).max_batch_size() is None
    assert Capacity((with_batches(1, 1.0, 0.012),)).batch_fit(None) is None, "one size is no line"


def test_levels_are_added_and_replaced_and_nothing_is_changed_in_its_place() -> None:
    first = capacity(100.0, 200.0)
    better = level(window(2, 210.0))
    second = first.in_place_of(first.levels[1], better).without_more("the time was up")
    assert (first.levels[1].result.requests_per_second, first.stopped) == (200.0, "not run")
    assert second.levels == (first.levels[0], better)
    assert (second.stopped, second.bounded) == ("the time was up", False)
    assert first.with_level(better).levels == (*first.levels, better)
    assert first.alone() is first.levels[0]
    assert Capacity((better,)).alone() is None


@pytest.mark.parametrize(("first_rps", "connections"), [(94.0, 2), (95.0, 1), (120.0, 1)])
def test_five_per_cent_more_are_not_worth_twice_the_connections(first_rps: float, connections: int) -> None:
    knee = capacity(first_rps, 100.0).knee()
    assert knee is not None
    assert knee.connections == connections


def test_batches_are_means_of_what_ran() -> None:
    uses = ((1, 10, 10, 0.12), (16, 5, 60, 0.2), (32, 0, 0, 0.0))
    levels = [
        dataclasses.replace(level(window(connections, 100.0)), batches=BatchUse(16, batches, calls, batches, run_s))
        for connections, batches, calls, run_s in uses
    ]
    written = Capacity(tuple(levels)).batch_levels()
    assert [(one.connections, one.batches, one.batch_size) for one in written] == [(1, 10, 1.0), (16, 5, 12.0)]
    assert [one.run_seconds for one in written] == pytest.approx([0.012, 0.04])
    assert [one.requests_per_second for one in written] == [100.0, 100.0]
