"""Does a series rise? Robust answers: the median of all slopes (Theil and Sen), and Mann and Kendall's test.

Both need no assumption about how the noise is distributed; a single jump does not make a trend.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

Points = Sequence[tuple[float, float]]
_NORMAL = statistics.NormalDist()


def theil_sen(points: Points) -> float:
    """The median slope over all pairs with different x; 0 where there is none."""
    return statistics.median(_slopes(points) or [0.0])


def theil_sen_interval(points: Points, confidence: float = 0.95) -> tuple[float, float]:
    """Sen's confidence interval of the slope: ranks of the sorted slopes around the median."""
    slopes = sorted(_slopes(points))
    if not slopes:
        return 0.0, 0.0
    half = _NORMAL.inv_cdf((1 + confidence) / 2) * math.sqrt(_variance([y for _, y in points]))
    lower = max(0, math.floor((len(slopes) - half) / 2))
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
