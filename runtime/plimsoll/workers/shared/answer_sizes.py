"""How much room the next answer is given, judged by the last ones."""

from __future__ import annotations

_WINDOW = 256
_SPARE = 8


class AnswerSizes:
    """Room for the largest of the last answers and an eighth more; 0 while all of them are small.

    One that turns out larger travels in a memory file of its own, and has taught us.
    """

    __slots__ = ("_most", "_seen", "_small", "room")

    def __init__(self, small_bytes: int) -> None:
        self._small = small_bytes
        self._most = 0
        self._seen = 0
        self.room = 0

    def note(self, size_bytes: int) -> None:
        """Need not be told of small ones while `room` is 0."""
        self._most = max(self._most, size_bytes)
        self._seen += 1
        if size_bytes > max(self.room, self._small):
            self.room = _with_spare(size_bytes)
        if self._seen == _WINDOW:
            self.room = _with_spare(self._most) if self._most > self._small else 0
            self._most = self._seen = 0


def _with_spare(size_bytes: int) -> int:
    return size_bytes + size_bytes // _SPARE
