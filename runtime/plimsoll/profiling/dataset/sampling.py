"""Which rows of a dataset that is too big are taken: evenly over the sizes of the bodies, the biggest always."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.statistics import spread_out

MOST_ROWS = 10_000
MOST_BYTES = 512 * 2**20


@dataclass(slots=True)
class Sampler:
    """`left_out` counts what did not fit; the biggest row is taken even where it alone is over `most_bytes`."""

    most_rows: int = MOST_ROWS
    most_bytes: int = MOST_BYTES
    left_out: int = field(default=0, init=False)

    def choose(self, sizes_bytes: Sequence[int]) -> list[int]:
        """Indexes of what is taken, in their own order."""
        if len(sizes_bytes) <= self.most_rows and sum(sizes_bytes) <= self.most_bytes:
            return list(range(len(sizes_bytes)))
        chosen: list[int] = []
        total_bytes = 0
        for index in visiting_order(sizes_bytes):
            total_bytes += sizes_bytes[index]
            if len(chosen) == self.most_rows or (chosen and total_bytes > self.most_bytes):
                break
            chosen.append(index)
        self.left_out += len(sizes_bytes) - len(chosen)
        return sorted(chosen)

    def sample(self, read: Callable[[], Iterator[Row]]) -> list[Row]:
        """Kept in memory is never much more than what may be taken; `read` begins anew each time."""
        kept: list[Row] = []
        sizes_bytes, total_bytes, fits = array("Q"), 0, True
        for row in read():
            sizes_bytes.append(len(row.body))
            total_bytes += sizes_bytes[-1]
            fits = fits and len(sizes_bytes) <= self.most_rows and total_bytes <= self.most_bytes
            if fits:
                kept.append(row)
            else:
                kept.clear()
        chosen = frozenset(self.choose(sizes_bytes))
        return kept if fits else [row for place, row in enumerate(read()) if place in chosen]


def visiting_order(sizes_bytes: Sequence[int]) -> Iterator[int]:
    """The biggest body first, then the others so that every beginning of the order covers all sizes."""
    by_size = sorted(range(len(sizes_bytes)), key=lambda index: (sizes_bytes[index], index))
    yield by_size[-1]
    yield from (by_size[place] for place in spread_out(len(by_size)) if place != len(by_size) - 1)
