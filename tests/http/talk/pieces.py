"""Where the bytes of a case are cut."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

from corpus.case import Case, Way

SEED = os.environ.get("PLIMSOLL_SEED", "20261121")
_SPLITS = 72
"""Most splits of one case; those of a shorter one are all tried."""
_SINGLE = 320
"""So many bytes are sent one by one at the start, and a fifth of it at the end."""
_REST = 3_000

Pieces = list[bytes]


def plans(case: Case, way: Way) -> Iterator[tuple[int, ...]]:
    """The offsets at which each sending of the case is cut."""
    size = len(case.raw)
    if way is Way.WHOLE:
        yield ()
    elif way is Way.BYTEWISE:
        yield _bytewise(size)
    else:
        for cut in _splits(case):
            yield (cut,)


def _bytewise(size: int) -> tuple[int, ...]:
    if size <= 2 * _SINGLE:
        return tuple(range(1, size))
    last = size - _SINGLE // 5
    return (*range(1, _SINGLE), *range(_SINGLE, last, _REST), *range(last, size))


def _splits(case: Case) -> list[int]:
    size = len(case.raw)
    if size <= _SPLITS:
        return list(range(1, size))
    source = random.Random(f"{SEED} {case.name}")
    near_lines = {cut + shift for cut in _line_ends(case.raw) for shift in (-1, 0, 1) if 0 < cut + shift < size}
    chosen = set(source.sample(sorted(near_lines), min(len(near_lines), _SPLITS // 2)))
    while len(chosen) < _SPLITS:
        chosen.add(source.randrange(1, size))
    return sorted(chosen)


def _line_ends(raw: bytes) -> Iterator[int]:
    at = raw.find(b"\n")
    while at >= 0:
        yield at
        at = raw.find(b"\n", at + 1)
