"""Tells the front what the model's framework has taken of the GPU at most, as its own allocator counts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from plimsoll.backends.allocator import peak_bytes
from plimsoll.backends.gpu import MODE, must_not_use_gpu

EVENT = "gpu_memory"
_INTERVAL_S = 0.25


class AllocatorReport:
    """Asked after every call, looks four times a second at most and says only what is new. Any thread may ask."""

    def __init__(self, say: Callable[[int], None]) -> None:
        self._say = say
        self._told = 0
        # The server names GPUs to its workers only where there are any.
        self._next_s = 0.0 if MODE in os.environ and not must_not_use_gpu() else float("inf")

    def after_call(self) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _INTERVAL_S
        size_bytes = peak_bytes()
        if size_bytes is not None and size_bytes > self._told:
            self._told = size_bytes
            self._say(size_bytes)
