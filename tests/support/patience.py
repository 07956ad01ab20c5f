"""Comparisons that a neighbour on the machine can spoil, but not make up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

_TIMES = 3


def best_of_three(measure_and_compare: Callable[[], None]) -> None:
    """Passes where one of three does: for what a right program shows on a quiet machine and a wrong one never does."""
    for _ in range(_TIMES - 1):
        try:
            return measure_and_compare()
        except AssertionError as error:
            print(f"once more, after: {error}")
    return measure_and_compare()


def folders_below(folder: Path) -> Iterator[Path]:
    """A new one each time."""
    for number in itertools.count():
        made = folder / str(number)
        made.mkdir()
        yield made
