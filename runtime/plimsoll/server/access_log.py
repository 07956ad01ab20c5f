"""One line per request to /score, written in batches: a write per line would cost more than an echo call."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TextIO

_FLUSH_S = 0.05


class AccessLog:
    """Lines look like ``2026-11-20 21:00:00,123 I [42] plimsoll.access - POST /score 200 0.394ms 37``, in UTC."""

    def __init__(self, stream: TextIO, enabled: bool) -> None:
        self._stream = stream
        self._enabled = enabled
        self._lines: list[str] = []
        self._second = 0
        self._prefix = ""
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()

    def write(self, method: str, target: str, status: int, duration_s: float, body_bytes: int | None) -> None:
        """`body_bytes` None is a streamed response."""
        if not self._enabled:
            return
        size = "N/A" if body_bytes is None else body_bytes
        self._lines.append(f"{self._stamp()}{method} {target} {status} {duration_s * 1e3:.3f}ms {size}\n")
        if len(self._lines) == 1:
            self._loop.call_later(_FLUSH_S, self.flush)

    def flush(self) -> None:
        if self._lines:
            self._stream.write("".join(self._lines))
            self._stream.flush()
            self._lines.clear()

    def _stamp(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
        return f"{self._prefix},{int((now - second) * 1e3):03d} I [{self._pid}] plimsoll.access - "
