"""Intervals of what a profile states, from the shapes that it keeps: only what is farther apart differs."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.profiling.result.curves import LatencyCurve

# Two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom.
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Interval:
    """95 %; `low` and `high` are the same for what has no spread."""

    value: float
    low: float
    high: float

    def widened(self, share: float) -> tuple[float, float]:
        """Both ends, moved apart by a share of the value each."""
        return self.low - share * self.value, self.high + share * self.value


def of_windows(values: Sequence[float]) -> Interval | None:
    """The mean of independent windows, after Student; needs three."""
    if len(values) < 3:
        return None
    mean = statistics.fmean(values)
    t = _T_95[min(len(values) - 1, len(_T_95)) - 1]
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def of_percentile(curve: LatencyCurve, share: float) -> Interval | None:
    """A percentile between the ranks that are 1.96 standard deviations of the binomial distribution away."""
    if curve.requests * (1 - share) < 1 or not curve.seconds:
        return None
    half = _Z_95 * math.sqrt(share * (1 - share) / curve.requests)
    low, value, high = (_at(curve, share + shift) for shift in (-half, 0.0, half))
    return Interval(value, low, high)


def _at(curve: LatencyCurve, share: float) -> float:
    place = min(bisect_left(curve.shares, share), len(curve.shares) - 1)
    if place == 0 or curve.shares[place] <= share:
        return curve.seconds[place]
    left, right = curve.shares[place - 1], curve.shares[place]
    part = (share - left) / (right - left)
    return curve.seconds[place - 1] + part * (curve.seconds[place] - curve.seconds[place - 1])
