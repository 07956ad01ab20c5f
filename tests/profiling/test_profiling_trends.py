"""Does a series rise? Kendall's exact distribution, Sen's interval as Gilbert describes it, outliers and jumps."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.profiling.statistics import _variance, rising_chance, theil_sen, theil_sen_interval

Points = list[tuple[float, float]]


def inversions(count: int) -> list[int]:
    """How many orders of so many values have 0, 1, 2, … pairs in the wrong order (the Mahonian numbers)."""
    ways = [1]
    for size in range(2, count + 1):
        ways = [
            sum(ways[place - back] for back in range(size) if 0 <= place - back < len(ways))
            for place in range(len(ways) + size - 1)
        ]
    return ways


def exact_chance(count: int, score: int) -> float:
    """P[S ≥ score] where all orders are as likely as each other; S is pairs in order less pairs out of order."""
    ways, pairs = inversions(count), count * (count - 1) // 2
    return sum(number for wrong, number in enumerate(ways) if pairs - 2 * wrong >= score) / math.factorial(count)


def series_of(score: int, count: int) -> list[float]:
    """Different values whose Kendall score is this one: each insertion counts how many greater ones stand before."""
    wrong, order = (count * (count - 1) // 2 - score) // 2, list[float]()
    for value in range(count):
        behind = min(wrong, value)
        order.insert(len(order) - behind, float(value))
        wrong -= behind
    return order


def score_of(values: list[float]) -> int:
    return sum((later > earlier) - (later < earlier) for earlier, later in itertools.combinations(values, 2))


def test_the_reference_is_kendalls_table() -> None:
    """Kendall (1975), table 1."""
    for count, score, chance in ((4, 6, 0.042), (5, 8, 0.042), (8, 16, 0.031), (10, 21, 0.036)):
        assert exact_chance(count, score) == pytest.approx(chance, abs=0.0005)


@pytest.mark.parametrize("count", [8, 12, 20])
def test_the_chance_is_that_of_kendalls_exact_distribution(count: int) -> None:
    most = count * (count - 1) // 2
    for score in range(most, 0, -2):
        values = series_of(score, count)
        assert score_of(values) == score
        assert rising_chance(values) == pytest.approx(exact_chance(count, score), abs=0.012), score


def test_a_series_that_does_not_rise_is_certain_not_to() -> None:
    assert rising_chance([3.0, 2.0, 1.0]) == 1.0
    assert rising_chance([1.0, 1.0, 1.0]) == 1.0
    assert rising_chance([]) == 1.0


@pytest.mark.parametrize(
    "values", [[1, 1, 2, 3, 3, 3], [0, 0, 0, 0, 1, 2], [1, 1, 2, 2, 3, 3], [5, 4, 3, 2, 1, 0]], ids=str
)
def test_ties_make_the_variance_smaller_by_exactly_their_part(values: list[float]) -> None:
    """Against the variance of the score over all 720 orders of the values."""
    scores = [score_of(list(order)) for order in itertools.permutations(values)]
    assert _variance(values) == pytest.approx(statistics.pvariance(scores))


LINE = st.lists(st.tuples(st.integers(-50, 50), st.integers(-1000, 1000)), min_size=3, max_size=14)


@settings(deadline=None)
@given(points=LINE, slope=st.integers(-20, 20), shift=st.integers(-100, 100))
def test_adding_a_line_adds_its_slope(points: Points, slope: int, shift: int) -> None:
    """Sen's estimator is equivariant under regression: what is added to all slopes is added to the answer."""
    tilted = [(x, y + slope * x + shift) for x, y in points]
    if len({x for x, _ in points}) > 1:
        assert theil_sen(tilted) == pytest.approx(theil_sen(points) + slope, abs=1e-9)


@settings(deadline=None)
@given(points=LINE)
def test_a_series_that_is_turned_over_has_its_interval_turned_over(points: Points) -> None:
    """Gilbert (1987), section 16.4.2: the ranks of the two ends lie as far from either end of the slopes."""
    low, high = theil_sen_interval(points)
    assert theil_sen_interval([(x, -y) for x, y in points]) == pytest.approx((-high, -low))
    assert low <= theil_sen(points) <= high


@settings(deadline=None)
@given(points=LINE)
def test_more_confidence_is_a_wider_interval(points: Points) -> None:
    found = [theil_sen_interval(points, confidence) for confidence in (0.5, 0.8, 0.95, 0.99)]
    assert all(outer[0] <= inner[0] <= inner[1] <= outer[1] for inner, outer in itertools.pairwise(found))


def test_the_ranks_of_the_ends_are_gilberts() -> None:
    """Ten values make 45 slopes; Var S = 10 · 9 · 25 / 18 = 125, C = 1.960 · √125 = 21.91, M1 = 11.54, M2 = 33.46.

    The lower end is the M1-th smallest slope, so at most the 11th; the upper one the (M2 + 1)-th, at least the 35th.
    """
    points = [(float(x), float(x**3)) for x in range(10)]
    slopes = sorted(float(a * a + a * b + b * b) for a, b in itertools.combinations(range(10), 2))
    assert len(slopes) == 45
    low, high = theil_sen_interval(points)
    assert (low, high) == (slopes[11 - 1], slopes[35 - 1])


def test_the_interval_covers_the_slope_as_often_as_it_says() -> None:
    seed = 21
    draw = random.Random(seed)
    covered = 0
    for _ in range(1200):
        low, high = theil_sen_interval([(float(x), 2.0 * x + draw.gauss(0, 5)) for x in range(12)])
        covered += low <= 2.0 <= high
    assert 0.935 < covered / 1200 < 0.985, f"seed {seed}"


def test_a_quarter_of_the_readings_may_be_wild() -> None:
    """The estimator's breakdown point is 29 %; least squares would be led astray by one."""
    seed = 22
    draw = random.Random(seed)
    points = [(float(x), 3.0 * x + draw.gauss(0, 0.1)) for x in range(24)]
    for place in draw.sample(range(24), 5):
        points[place] = (points[place][0], 1e9)
    assert theil_sen(points) == pytest.approx(3.0, abs=1.5), f"seed {seed}"


def test_a_single_jump_is_no_trend() -> None:
    """Memory that is taken once, in the middle: most pairs lie on one side of it, and their slope is 0."""
    points = [(float(x), 0.0 if x < 8 else 1e8) for x in range(12)]
    assert theil_sen(points) == 0.0
    assert theil_sen([]) == 0.0
    assert theil_sen([(1.0, 2.0), (1.0, 3.0)]) == 0.0, "no two different x"
    assert theil_sen_interval([(1.0, 2.0)]) == (0.0, 0.0)


def test_noise_is_called_a_trend_as_seldom_as_the_chance_says() -> None:
    seed = 23
    draw = random.Random(seed)
    called = sum(rising_chance([draw.gauss(0, 1) for _ in range(12)]) < 0.01 for _ in range(4000))
    assert 10 <= called <= 70, f"{called} of 4000, seed {seed}: one in a hundred is forty"
