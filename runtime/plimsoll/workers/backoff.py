"""How long to wait before a worker is started again."""

from __future__ import annotations

import time

_HEALTHY_AFTER_S = 10.0
_FREE_TRIES = 3
_FIRST_S = 0.1
_LONGEST_S = 10.0


class Backoff:
    """None for the first deaths of a worker that had come up, then doubling; a healthy life starts the count anew."""

    def __init__(self, workers: int) -> None:
        self._failures = [0] * workers

    def delay_s(self, index: int, ready_at: float | None) -> float:
        """`ready_at`: when the one that just died had become ready (monotonic), None if it never did."""
        lived_s = 0.0 if ready_at is None else time.monotonic() - ready_at
        if lived_s >= _HEALTHY_AFTER_S:
            self._failures[index] = 0
        self._failures[index] += 1
        count = self._failures[index]
        if ready_at is not None and count <= _FREE_TRIES:
            return 0.0
        return float(min(_LONGEST_S, _FIRST_S * 2 ** (count - 1)))
