"""Student's t and the intervals that rest on it: against the integral that defines it, and against certified data."""

from __future__ import annotations

import math
import random

import pytest

from plimsoll.profiling.statistics import (
    _T_99,
    _T_975,
    mean_interval,
    percentile_interval,
    slope,
    slope_interval,
    upper_bound,
)

# Norris, one of the Statistical Reference Datasets of NIST: y, x.
NORRIS = (
    (0.1, 0.2), (338.8, 337.4), (118.1, 118.2), (888.0, 884.6), (9.2, 10.1), (228.1, 226.5), (668.5, 666.3),
    (998.5, 996.3), (449.1, 448.6), (778.9, 777.0), (559.2, 558.2), (0.3, 0.4), (0.1, 0.6), (778.1, 775.5),
    (668.8, 666.9), (339.3, 338.0), (448.9, 447.5), (10.8, 11.6), (557.7, 556.0), (228.3, 228.1), (998.0, 995.8),
    (888.8, 887.6), (119.6, 120.2), (0.3, 0.3), (0.6, 0.3), (557.6, 556.8), (339.3, 339.1), (888.0, 887.2),
    (998.5, 999.0), (778.9, 779.0), (10.2, 11.1), (117.6, 118.3), (228.9, 229.2), (668.4, 669.1), (449.2, 448.9),
    (0.2, 0.5),
)  # fmt: skip
NORRIS_SLOPE, NORRIS_SLOPE_DEVIATION = 1.00211681802045, 0.429796848199937e-03


def student(t: float, freedom: int) -> float:
    """P[T ≤ t] by Simpson's rule, after t = √v · tan θ has made the density a power of the cosine."""
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    width = math.atan(t / math.sqrt(freedom)) / 1000
    heights = [math.cos(place * width) ** (freedom - 1) for place in range(1001)]
    area = heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2])
    return 0.5 + constant * area * width / 3


@pytest.mark.parametrize(("table", "share"), [(_T_99, 0.99), (_T_975, 0.975)])
def test_every_entry_of_the_tables_is_the_quantile_to_three_decimals(table: tuple[float, ...], share: float) -> None:
    assert student(1.0, 1) == pytest.approx(0.75), "Cauchy's distribution: 1/2 + 1/4"
    for freedom, quantile in enumerate(table, 1):
        assert student(quantile - 0.00051, freedom) < share < student(quantile + 0.00051, freedom), freedom


def test_beyond_the_tables_bounds_are_a_little_wide_and_never_narrow() -> None:
    for table, share in ((_T_99, 0.99), (_T_975, 0.975)):
        assert student(table[-1], 31) > share
        assert student(table[-1], 10_000) - share < 0.005


def test_a_slope_that_nist_certifies() -> None:
    points = [(x, y) for y, x in NORRIS]
    assert slope(points) == pytest.approx(NORRIS_SLOPE, rel=1e-12)
    found = slope_interval(points)
    assert found is not None
    lower, estimate, upper = found
    assert estimate == pytest.approx(NORRIS_SLOPE, rel=1e-12)
    # 34 degrees of freedom are beyond the table, whose last entry is 2.042.
    assert (upper - lower) / 2 == pytest.approx(2.042 * NORRIS_SLOPE_DEVIATION, rel=1e-8)


def test_a_line_that_is_turned_over_has_its_interval_turned_over() -> None:
    up = slope_interval([(x, y) for y, x in NORRIS])
    down = slope_interval([(x, -y) for y, x in NORRIS])
    assert up is not None
    assert down == pytest.approx((-up[2], -up[1], -up[0]))


@pytest.mark.parametrize(("count", "least", "most"), [(3, 0.935, 0.965), (10, 0.935, 0.965), (60, 0.935, 0.975)])
def test_the_interval_of_a_mean_covers_it_as_often_as_it_says(count: int, least: float, most: float) -> None:
    seed = 11
    draw = random.Random(seed)
    intervals = [mean_interval([draw.gauss(5.0, 2.0) for _ in range(count)]) for _ in range(3000)]
    covered = sum(found is not None and found.low <= 5.0 <= found.high for found in intervals) / len(intervals)
    assert least < covered < most, f"seed {seed}"


def test_the_interval_of_a_slope_covers_it_as_often_as_it_says() -> None:
    seed = 12
    draw = random.Random(seed)
    covered = 0
    for _ in range(2000):
        found = slope_interval([(x, 0.5 * x + draw.gauss(0, 3)) for x in range(12)])
        assert found is not None
        covered += found[0] <= 0.5 <= found[2]
    assert 0.93 < covered / 2000 < 0.97, f"seed {seed}"


def test_the_mean_and_its_bound_lie_together() -> None:
    """The bound is one-sided at 99 %, the interval two-sided at 95 %: the bound is the higher of the two ends."""
    for values in ([1.0, 2.0, 3.0], [10.0, 10.1, 9.9, 10.05], [5.0, 5.0, 5.0]):
        bound, found = upper_bound(values), mean_interval(values)
        assert bound is not None
        assert found is not None
        assert found.low <= found.value <= found.high <= bound
        assert found.value - found.low == pytest.approx(found.high - found.value)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_interval_of_a_percentile_covers_it_as_often_as_it_says(share: float) -> None:
    """Exponential latencies, whose percentile is -ln(1 - share)."""
    seed, count = 13, 400
    draw = random.Random(seed)
    shares = [rank / count for rank in range(1, count + 1)]
    covered = 0
    for _ in range(1500):
        values = sorted(draw.expovariate(1.0) for _ in range(count))
        found = percentile_interval(shares, values, count, share)
        assert found is not None
        assert found.low <= found.value <= found.high
        covered += found.low <= -math.log(1 - share) <= found.high
    assert 0.92 < covered / 1500 < 0.98, f"seed {seed}"


def test_the_ranks_of_a_median_are_those_of_the_binomial_distribution() -> None:
    """Of 100 values: 50 ± 1.96 · √(100 / 4), so that the ends are the values of rank 40.2 and 59.8."""
    shares = [rank / 100 for rank in range(1, 101)]
    found = percentile_interval(shares, [float(rank) for rank in range(1, 101)], 100, 0.5)
    assert found is not None
    assert (found.low, found.value, found.high) == pytest.approx((40.2, 50.0, 59.8))


def test_a_percentile_that_nobody_can_know_has_no_interval() -> None:
    assert percentile_interval([1.0], [1.0], 99, 0.99) is None, "not one of 99 is expected above it"
    assert percentile_interval([], [], 1000, 0.5) is None


def test_an_interval_is_widened_by_a_share_of_its_value() -> None:
    found = mean_interval([90.0, 100.0, 110.0])
    assert found is not None
    assert found.widened(0.0) == (found.low, found.high)
    low, high = found.widened(0.05)
    assert (found.low - low, high - found.high) == (pytest.approx(5.0), pytest.approx(5.0))
