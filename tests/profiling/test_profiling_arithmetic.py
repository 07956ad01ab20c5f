"""Intervals, percentiles, queueing and rounding against published tables and simple truths."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.advice.rounding import GIBIBYTE, MEBIBYTE, round_up_cores, round_up_memory
from plimsoll.profiling.advice.utilisation import relative_wait, target_utilisation
from plimsoll.profiling.latency import decode_distribution, encode_histogram, needed_for, pool
from plimsoll.profiling.measure.pacing import pace, usual_window_s
from plimsoll.profiling.statistics import rank_percentile, slope, spread, spread_out, squared_variation, upper_bound


@pytest.mark.parametrize(("share", "needed"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)])
def test_how_many_requests_a_percentile_needs(share: float, needed: int) -> None:
    assert needed_for(share) == needed
    assert share**needed <= 0.05 < share ** (needed - 1)


WAIT_OF_ONE = {
    1: (0.67, 0.62, 0.50, 0.29, 0.15),
    2: (0.82, 0.78, 0.71, 0.53, 0.39),
    4: (0.90, 0.88, 0.83, 0.72, 0.60),
    8: (0.95, 0.94, 0.91, 0.83, 0.75),
}


@pytest.mark.parametrize("servers", WAIT_OF_ONE)
def test_utilisation_at_a_mean_wait_of_one_service_time(servers: int) -> None:
    found = tuple(round(target_utilisation(servers, variation), 2) for variation in (0, 0.25, 1, 4, 10))
    assert found == WAIT_OF_ONE[servers]


def test_utilisation_at_half_a_service_time() -> None:
    found = tuple(round(target_utilisation(4, variation, 0.5), 2) for variation in (0, 0.25, 1, 4, 10))
    assert found == (0.83, 0.81, 0.75, 0.62, 0.51)


def test_one_exponential_server_is_m_m_1() -> None:
    assert relative_wait(1, 0.8, 1.0) == pytest.approx(0.8 / 0.2)


@pytest.mark.parametrize(
    ("cores", "rounded"),
    [(0.01, 0.1), (0.11, 0.15), (0.3, 0.3), (0.51, 0.6), (1.0, 1.0), (1.01, 1.25), (2.01, 2.5), (4.0, 4.0), (4.2, 5.0)],
)
def test_cores_are_rounded_up(cores: float, rounded: float) -> None:
    assert round_up_cores(cores) == rounded


@given(st.floats(0.001, 500))
def test_rounding_cores_never_takes_away_and_is_stable(cores: float) -> None:
    rounded = round_up_cores(cores)
    assert rounded >= cores - 1e-6
    assert round_up_cores(rounded) == rounded


@pytest.mark.parametrize(
    ("size", "rounded"),
    [
        (1, 64 * MEBIBYTE),
        (64 * MEBIBYTE + 1, 128 * MEBIBYTE),
        (2 * GIBIBYTE + 1, 2 * GIBIBYTE + 256 * MEBIBYTE),
        (16 * GIBIBYTE + 1, 17 * GIBIBYTE),
    ],
)
def test_memory_is_rounded_up(size: int, rounded: int) -> None:
    assert round_up_memory(size) == rounded


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
    assert rank_percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert rank_percentile([], 0.5) is None
    assert squared_variation([1.0, 1.0]) == 0.0
    assert squared_variation([1.0]) is None
    assert slope([(1, 5), (2, 7), (4, 11)]) == pytest.approx(2.0)
    assert slope([(1, 5), (2, 7)]) is None


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


@given(
    budget_s=st.floats(1, 600),
    allowed_s=st.floats(0.1, 400),
    rate_rps=st.floats(0.05, 20_000),
    rows=st.integers(1, 10**5),
)
def test_a_level_keeps_to_about_its_time_and_never_cuts_a_pass_it_promised(
    budget_s: float, allowed_s: float, rate_rps: float, rows: int
) -> None:
    plan = pace(budget_s, allowed_s, rate_rps, rows)
    assert plan.seconds >= min(0.25, allowed_s)
    assert plan.expected_s <= max(allowed_s, plan.windows * usual_window_s(budget_s)) * 1.001
    if plan.whole_passes:
        assert plan.max_seconds >= plan.seconds + rows / rate_rps
    if plan.windows > 1:
        assert plan.seconds * rate_rps >= min(30, rows) * 0.89
