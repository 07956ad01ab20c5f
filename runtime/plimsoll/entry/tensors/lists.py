"""NumPy arrays of the lists of one request.

NumPy gives every text of an array the room of the longest: 10,000 short ones beside one of a megabyte take 40 GB.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

_TIMES = 8
"""Of what the texts themselves have; 4 bytes per character are NumPy's."""
_FREE_BYTES = 16 * 2**20
_NUMBERS_LENGTH = 32
"""Characters that NumPy leaves for a number among texts."""


class Lists:
    """As `np.array` makes them; an array of texts that would take many times the room of its texts is one of objects.

    Up to 16 MiB of all arrays together may be such, so that a few texts of different lengths are what they always were.
    """

    __slots__ = ("_left_bytes",)

    def __init__(self) -> None:
        self._left_bytes = _FREE_BYTES

    def array(self, data: Any) -> Any:
        """Raises what `np.array` does."""
        if self.fits(data):
            return np.array(data)
        array = np.array(data, object)
        if any(isinstance(one, list) for one in array.flat):
            raise ValueError("The lists are of different lengths.")
        return array

    def fits(self, data: Any) -> bool:
        """Whether an array of it has a room that is in proportion."""
        return self.may_take(*_rooms(data))

    def may_take(self, wanted: int, own: int) -> bool:
        """Whether `wanted` bytes are in proportion to `own`, or still free."""
        if wanted <= _TIMES * own:
            return True
        if wanted > self._left_bytes:
            return False
        self._left_bytes -= wanted
        return True


def _rooms(data: Any) -> tuple[int, int]:
    """Bytes that NumPy would take for texts, and those that they have; level by level, as lists may be deep."""
    count = longest = own = shortest = 0
    level = [data] if isinstance(data, list) else []
    while level:
        kinds = set(map(type, chain.from_iterable(level)))
        count += sum(map(len, level))
        if str in kinds:
            lengths = [len(one) for one in chain.from_iterable(level) if type(one) is str]
            longest, own = max(longest, max(lengths), 1), own + sum(lengths)
        if kinds - {str, list}:
            shortest = _NUMBERS_LENGTH
        level = [one for one in chain.from_iterable(level) if type(one) is list] if list in kinds else []
    return (4 * count * max(longest, shortest), own + count) if longest else (0, 0)
