"""Intervals, windows and spreads: what turns counts into numbers that can be relied on."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

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


def upper_bound(values: Sequence[float]) -> float | None:
    """The 99 % upper confidence bound of the mean of independent windows, after Student; needs three."""
    if len(values) < 3:
        return None
    t = _T_99[min(len(values) - 1, len(_T_99)) - 1]
    return statistics.fmean(values) + t * statistics.stdev(values) / math.sqrt(len(values))


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


def slope(points: Sequence[tuple[float, float]]) -> float | None:
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


def slope_interval(points: Sequence[tuple[float, float]]) -> tuple[float, float, float] | None:
    """Least-squares slope with its two-sided 95 % confidence interval: lower, estimate, upper; needs five points."""
    count = len(points)
    if count < 5:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    line = statistics.linear_regression(xs, ys)
    residuals = sum((y - line.intercept - line.slope * x) ** 2 for x, y in points)
    error = math.sqrt(residuals / (count - 2) / (statistics.pvariance(xs) * count))
    half = _T_975[min(count - 2, len(_T_975)) - 1] * error
    return line.slope - half, line.slope, line.slope + half
