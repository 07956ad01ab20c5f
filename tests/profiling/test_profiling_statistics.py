"""Intervals, percentiles, queueing and rounding against published tables and simple truths."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.latency import decode_distribution, encode_histogram, needed_for, pool
from plimsoll.profiling.statistics import (
    added,
    goes_one_way,
    mean_interval,
    percentile_interval,
    rank_percentile,
    slope,
    spread,
    spread_out,
    squared_variation,
    upper_bound,
)


@pytest.mark.parametrize(("share", "needed"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_how_many_requests_a_percentile_needs(share: float, needed: int) -> None:
    assert needed_for(share) == needed
    assert share**needed <= 0.05 < share ** (needed - 1)


def test_the_upper_bound_covers_the_mean_about_99_times_in_100() -> None:
    seed = 7
    source = random.Random(seed)
    draws = [[source.gauss(10, 1) for _ in range(5)] for _ in range(4000)]
    bounds = [upper_bound(draw) for draw in draws]
    covered = sum(bound is not None and bound >= 10 for bound in bounds) / len(draws)
    assert 0.983 < covered < 0.997, f"seed {seed}"
    assert upper_bound([1.0, 2.0]) is None


def test_small_statistics() -> None:
    assert spread([1.0, 1.1]) == pytest.approx(1.1)
    assert spread([0.0, 1.0]) == math.inf


def test_a_drift_goes_one_way_all_the_time() -> None:
    assert goes_one_way([1.0, 2.0, 3.0])
    assert goes_one_way([3.0, 2.0, 1.0])
    assert not goes_one_way([1.0, 3.0, 2.0])
    assert goes_one_way([1.0, 1.0, 2.0])
    assert not goes_one_way([2.0, 1.0, 1.5])
    assert rank_percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert rank_percentile([], 0.5) is None
    assert squared_variation([1.0, 1.0]) == 0.0
    assert squared_variation([1.0]) is None
    assert slope([(1, 5), (2, 7), (4, 11)]) == pytest.approx(2.0)
    assert slope([(1, 5), (2, 7)]) is None


@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(0, 9)), max_size=4))
def test_counts_are_added_key_by_key(parts: list[dict[int, int]]) -> None:
    """Also keys of which there was nothing: an outcome that did not come is one that was counted."""
    keys = {*itertools.chain.from_iterable(parts)}
    assert added(parts) == {key: sum(part.get(key, 0) for part in parts) for key in keys}


@given(st.integers(1, 300))
def test_the_spread_out_order_is_a_permutation(count: int) -> None:
    assert sorted(spread_out(count)) == list(range(count))


def test_every_beginning_of_the_order_covers_the_range() -> None:
    first = sorted(list(spread_out(1000))[:50])
    gaps = [after - before for before, after in itertools.pairwise(first)]
    assert max(gaps) <= 4 * min(gaps)


@given(st.lists(st.integers(1_000, 10**10), min_size=1, max_size=400))
def test_percentiles_of_a_histogram_are_within_its_three_digits(latencies_ns: list[int]) -> None:
    sum_s = sum(latencies_ns) / 1e9
    distribution = decode_distribution(encode_histogram(latencies_ns), sum_s)
    assert distribution.count == len(latencies_ns)
    assert distribution.mean_s() == pytest.approx(statistics.fmean(latencies_ns) / 1e9)
    median_s = distribution.percentile_s(0.5)
    if len(latencies_ns) < 5:
        assert median_s is None
    else:
        exact_ns = sorted(latencies_ns)[math.ceil(0.5 * len(latencies_ns)) - 1]
        assert median_s == pytest.approx(exact_ns / 1e9, rel=0.002, abs=2e-6)


def test_pooling_is_not_averaging() -> None:
    slow = decode_distribution(encode_histogram([10**9] * 10), 10.0)
    fast = decode_distribution(encode_histogram([10**6] * 90), 0.09)
    pooled = pool([slow, fast])
    assert pooled.count == 100
    assert pooled.percentile_s(0.9) == pytest.approx(0.001, rel=0.01)
    assert pooled.percentile_s(0.95) == pytest.approx(1.0, rel=0.01)
    assert pooled.max_s() == pytest.approx(1.0, rel=0.01)
    assert pool([]).mean_s() is None
    assert pool([]).max_s() is None


def test_intervals() -> None:
    assert mean_interval([1.0, 2.0]) is None
    found = mean_interval([9.0, 10.0, 11.0])
    assert found is not None
    assert (found.value, round(found.low, 2), round(found.high, 2)) == (10.0, 7.52, 12.48)
    assert percentile_interval([0.5, 1.0], [1.0, 2.0], 10, 0.99) is None
    median = percentile_interval([0.5, 1.0], [1.0, 2.0], 10, 0.5)
    assert median is not None
    assert median.low <= median.value == 1.0 <= median.high
