"""Which parts of a stretch of memory are free, and which of those hold pages that nobody has used for a while.

Sizes and offsets are bytes; everything is rounded up to whole granules. The lowest part that is large enough is
taken: what is used again and again is then the same few pages, already mapped and in the processor's caches.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterator

GRANULE_BYTES = 64 * 1024
_CLEAN, _STALE, _USED = b"\0", b"\1", b"\2"
_AGED = bytes.maketrans(_USED, _STALE)
_STALE_RUN = re.compile(_STALE + b"+")


class Ranges:
    """Free ranges by offset, never two of them side by side; granules not yet touched cost no memory."""

    def __init__(self, size_bytes: int) -> None:
        self.size = rounded(size_bytes)
        self._offsets = [0]
        self._sizes = {0: self.size}
        self._ages = bytearray(_CLEAN * (self.size // GRANULE_BYTES))

    def take(self, size_bytes: int) -> int | None:
        """The offset of a range of that size, rounded; None where no free one is large enough."""
        wanted = rounded(size_bytes)
        for place, offset in enumerate(self._offsets):
            if self._sizes[offset] >= wanted:
                self._cut(place, offset, wanted)
                return offset
        return None

    def extend(self, end: int, size_bytes: int) -> bool:
        """Takes what begins at `end`, so that the range before it goes on; False where it is not free."""
        wanted = rounded(size_bytes)
        if self._sizes.get(end, 0) < wanted:
            return False
        self._cut(bisect_left(self._offsets, end), end, wanted)
        return True

    def give(self, offset: int, size_bytes: int) -> None:
        """Frees a range that was taken; it counts as used just now."""
        size = rounded(size_bytes)
        granules = slice(offset // GRANULE_BYTES, (offset + size) // GRANULE_BYTES)
        self._ages[granules] = _USED * (size // GRANULE_BYTES)
        place = bisect_left(self._offsets, offset)
        if place < len(self._offsets) and self._offsets[place] == offset + size:
            size += self._sizes.pop(self._offsets.pop(place))
        if place and self._offsets[place - 1] + self._sizes[self._offsets[place - 1]] == offset:
            self._sizes[self._offsets[place - 1]] += size
            return
        insort(self._offsets, offset)
        self._sizes[offset] = size

    def stale(self) -> Iterator[tuple[int, int]]:
        """Offset and size of free parts that were not used since the last call, each told once; then all grow older."""
        for offset in self._offsets:
            first, last = offset // GRANULE_BYTES, (offset + self._sizes[offset]) // GRANULE_BYTES
            found = [run.span() for run in _STALE_RUN.finditer(self._ages, first, last)]
            self._ages[first:last] = self._ages[first:last].replace(_STALE, _CLEAN).translate(_AGED)
            for begin, end in found:
                yield begin * GRANULE_BYTES, (end - begin) * GRANULE_BYTES

    @property
    def touched(self) -> bool:
        """Whether any free part may hold pages."""
        return any(self._ages)

    @property
    def free(self) -> int:
        return sum(self._sizes.values())

    def _cut(self, place: int, offset: int, wanted: int) -> None:
        left = self._sizes.pop(offset) - wanted
        if left:
            self._offsets[place] = offset + wanted
            self._sizes[offset + wanted] = left
        else:
            del self._offsets[place]


def rounded(size_bytes: int) -> int:
    return -(-max(size_bytes, 1) // GRANULE_BYTES) * GRANULE_BYTES
