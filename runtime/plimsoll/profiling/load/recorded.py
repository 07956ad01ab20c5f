"""Arrivals as they were recorded: the gaps between real requests, in their order, at another rate."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Recording:
    """Row indexes in the order of arrival, and the seconds between each and the next; the last gap leads to the first.

    That one cannot be known, so it is the mean of the others.
    """

    rows: tuple[int, ...]
    gaps_s: tuple[float, ...]

    @classmethod
    def of(cls, arrived_s: Sequence[float | None], chosen: Sequence[int]) -> Recording:
        """Of the rows that are chosen, with times on all of them."""
        timed = sorted((at, row) for row in chosen if (at := arrived_s[row]) is not None)
        gaps = [after - before for (before, _), (after, _) in pairwise(timed)]
        mean = sum(gaps) / len(gaps) if gaps else 0.0
        return cls(tuple(row for _, row in timed), (*gaps, mean or 1.0))

    def replayed(self, seconds: float, count: int, seed: int) -> tuple[list[int], RecordedOrder]:
        """`count` instants within `seconds`, in nanoseconds, from a place in the recording that `seed` draws."""
        # Repeatable, nothing secret.
        start = random.Random(seed).randrange(len(self.rows))  # noqa: S311
        sums, at = [], 0.0
        for number in range(count + 1):
            sums.append(at)
            at += self.gaps_s[(start + number) % len(self.gaps_s)]
        whole = sums[-1] or 1.0
        offsets = [round(one / whole * seconds * 1e9) for one in sums[:-1]]
        return offsets, RecordedOrder(self.rows, start)


class RecordedOrder:
    """The rows as they came, from `start` on, over and over."""

    def __init__(self, rows: Sequence[int], start: int) -> None:
        self._rows = rows
        self._start = start
        self.taken = 0

    @property
    def at_pass_end(self) -> bool:
        return self.taken % len(self._rows) == 0

    def take(self) -> int:
        row = self._rows[(self._start + self.taken) % len(self._rows)]
        self.taken += 1
        return row
