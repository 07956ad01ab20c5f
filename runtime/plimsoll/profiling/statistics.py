"""Intervals, spreads and trends: what turns counts into numbers that can be relied on.

Whether a series rises is answered without an assumption about how the noise is distributed: by the median of all slopes
(Theil and Sen) and by Mann and Kendall's test. A single jump does not make a trend.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TypeVar

# One-sided 99 % quantiles of Student's t for 1, 2, … degrees of freedom.
_T_99 = (
    31.821, 6.965, 4.541, 3.747, 3.365, 3.143, 2.998, 2.896, 2.821, 2.764, 2.718, 2.681, 2.650, 2.624, 2.602,
    2.583, 2.567, 2.552, 2.539, 2.528, 2.518, 2.508, 2.500, 2.492, 2.485, 2.479, 2.473, 2.467, 2.462, 2.457,
)  # fmt: skip
# The same for two-sided 95 %.
_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
Points = Sequence[tuple[float, float]]
_Key = TypeVar("_Key")
_Number = TypeVar("_Number", int, float)
_Z_95 = 1.96
_NORMAL = statistics.NormalDist()


def added(parts: Iterable[Mapping[_Key, _Number]]) -> dict[_Key, _Number]:
    """The sum for each key."""
    total: dict[_Key, _Number] = {}
    for part in parts:
        for key, number in part.items():
            total[key] = total.get(key, 0) + number
    return total


def upper_bound(values: Sequence[float]) -> float | None:
    """The 99 % upper confidence bound of the mean of independent windows, after Student; needs three."""
    if len(values) < 3:
        return None
    return statistics.fmean(values) + _t(_T_99, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


def _t(quantiles: Sequence[float], freedom: int) -> float:
    """Beyond the table its last entry, which is a little too careful."""
    return quantiles[min(freedom, len(quantiles)) - 1]


def goes_one_way(values: Sequence[float]) -> bool:
    """Whether none is below the one before, or none above it."""
    steps = [after - before for before, after in pairwise(values)]
    return all(step >= 0 for step in steps) or all(step <= 0 for step in steps)


def spread(values: Sequence[float]) -> float:
    """Greatest over smallest; infinite where a value is not positive."""
    return max(values) / min(values) if values and min(values) > 0 else math.inf


def rank_percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def squared_variation(values: Sequence[float]) -> float | None:
    """Variance over squared mean (CV²); needs two values and a positive mean."""
    mean = statistics.fmean(values) if values else 0.0
    return statistics.variance(values) / mean**2 if len(values) > 1 and mean > 0 else None


def slope(points: Points) -> float | None:
    """Least-squares slope of y over x; needs three different x."""
    if len({x for x, _ in points}) < 3:
        return None
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def spread_out(count: int) -> Iterator[int]:
    """0 … count-1 in an order of which every beginning is spread over the whole range (van der Corput)."""
    bits = max(1, (count - 1).bit_length())
    for step in range(1 << bits):
        index = int(f"{step:0{bits}b}"[::-1], 2)
        if index < count:
            yield index


def slope_interval(points: Points) -> tuple[float, float, float] | None:
    """Least-squares slope with its two-sided 95 % confidence interval: lower, estimate, upper; needs five points."""
    count = len(points)
    if count < 5:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    line = statistics.linear_regression(xs, ys)
    residuals = sum((y - line.intercept - line.slope * x) ** 2 for x, y in points)
    error = math.sqrt(residuals / (count - 2) / (statistics.pvariance(xs) * count))
    half = _t(_T_975, count - 2) * error
    return line.slope - half, line.slope, line.slope + half


def theil_sen(points: Points) -> float:
    """The median slope over all pairs with different x; 0 where there is none."""
    return statistics.median(_slopes(points) or [0.0])


def theil_sen_interval(points: Points, confidence: float = 0.95) -> tuple[float, float]:
    """Sen's confidence interval of the slope: ranks of the sorted slopes around the median."""
    slopes = sorted(_slopes(points))
    if not slopes:
        return 0.0, 0.0
    half = _NORMAL.inv_cdf((1 + confidence) / 2) * math.sqrt(_variance([y for _, y in points]))
    lower = max(0, math.floor((len(slopes) - half) / 2) - 1)
    upper = min(len(slopes) - 1, math.ceil((len(slopes) + half) / 2))
    return slopes[lower], slopes[upper]


def rising_chance(values: Sequence[float]) -> float:
    """Mann and Kendall, one-sided: how likely a series without trend rises as much as this one."""
    score = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    variance = _variance(values)
    if score <= 0 or variance <= 0:
        return 1.0
    return 1 - _NORMAL.cdf((score - 1) / math.sqrt(variance))


def _slopes(points: Points) -> list[float]:
    return [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x1 != x2]


def _variance(values: Sequence[float]) -> float:
    """Of Kendall's score; equal values make it smaller."""
    count = len(values)
    ties = sum(size * (size - 1) * (2 * size + 5) for size in Counter(values).values())
    return (count * (count - 1) * (2 * count + 5) - ties) / 18


@dataclass(frozen=True, slots=True)
class Interval:
    """95 %; `low` and `high` are the same for what has no spread."""

    value: float
    low: float
    high: float

    def widened(self, share: float) -> tuple[float, float]:
        """Both ends, moved apart by a share of the value each."""
        return self.low - share * self.value, self.high + share * self.value


def mean_interval(values: Sequence[float]) -> Interval | None:
    """The mean of independent windows, after Student; needs three."""
    if len(values) < 3:
        return None
    mean = statistics.fmean(values)
    half = _t(_T_975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def percentile_interval(shares: Sequence[float], values: Sequence[float], count: int, share: float) -> Interval | None:
    """A percentile between the ranks that are 1.96 standard deviations of the binomial distribution away.

    `values[n]` is what a share of `shares[n]` of `count` requests does not exceed.
    """
    if count * (1 - share) < 1 or not values:
        return None
    half = _Z_95 * math.sqrt(share * (1 - share) / count)
    low, value, high = (quantile(shares, values, share + shift) for shift in (-half, 0.0, half))
    return Interval(value, low, high)


def quantile(shares: Sequence[float], values: Sequence[float], share: float) -> float:
    """What a share of them does not exceed, linear between the points of the curve: `shares[n]` do not `values[n]`."""
    place = min(bisect_left(shares, share), len(shares) - 1)
    if place == 0 or shares[place] <= share:
        return values[place]
    left, right = shares[place - 1], shares[place]
    part = (share - left) / (right - left)
    return values[place - 1] + part * (values[place] - values[place - 1])
