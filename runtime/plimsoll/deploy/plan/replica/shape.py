"""A measured distribution of times, to be drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from plimsoll.profiling.statistics import quantile

_POINTS = 4096
"""Of a curve: equally likely quantiles, the slowest of which stands for one request in so many."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Equally likely values with a mean of 1: how requests differ, apart from how long they take on average."""

    values: tuple[float, ...]
    _sums: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sums", tuple(accumulate(self.values)))

    @property
    def squared_variation(self) -> float:
        """Variance over squared mean, which is 1."""
        return sum((value - 1) ** 2 for value in self.values) / len(self.values)

    def residual(self, random: Random) -> float:
        """What is left of one that is found under way: long ones are found more often, at any point of them."""
        return random.choices(self.values, cum_weights=self._sums)[0] * random.random()


def shape_of_curve(shares: Sequence[float], seconds: Sequence[float]) -> tuple[Shape, float]:
    """Where `shares[n]` of the requests took at most `seconds[n]`, linear in between; and the mean, in seconds."""
    return shape_of_values([quantile(shares, seconds, (point + 0.5) / _POINTS) for point in range(_POINTS)])


def shape_of_values(seconds: Sequence[float]) -> tuple[Shape, float]:
    """Of single measurements, each as likely as the others; and their mean, in seconds."""
    mean = sum(seconds) / len(seconds)
    return Shape(tuple(value / mean for value in seconds)), mean
