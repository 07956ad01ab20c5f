"""One line per request for scoring, written in batches: a write per line would cost more than an echo call."""

from __future__ import annotations

import asyncio
import json
import os
import time

from plimsoll.server.logs.lines import visible
from plimsoll.server.logs.writer import LogWriter

_FLUSH_S = 0.05


class AccessLog:
    """Text lines look like
    ``2026-11-20 21:00:00,123 I [42] plimsoll.access - [4f1c…] POST /score 200 0.394ms 37``, in UTC.
    """

    def __init__(self, stream: LogWriter, enabled: bool, form: str, plain: frozenset[str]) -> None:
        """`plain`: targets that most requests have, known to need no escapes."""
        self._stream = stream
        self._plain = plain
        self._enabled = enabled
        self._line = self._json if form == "json" else self._text
        self._lines: list[str] = []
        self._second = 0
        self._stamp = ""
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()

    def write(
        self, request_id: str, method: str, target: str, status: int, duration_s: float, body_bytes: int | None
    ) -> None:
        """`body_bytes` None is a streamed response."""
        if not self._enabled:
            return
        self._lines.append(self._line(request_id, method, target, status, duration_s, body_bytes))
        if len(self._lines) == 1:
            self._loop.call_later(_FLUSH_S, self.flush)

    def flush(self) -> None:
        if self._lines:
            self._stream.write("".join(self._lines))
            self._lines.clear()

    def _text(
        self, request_id: str, method: str, target: str, status: int, duration_s: float, body_bytes: int | None
    ) -> str:
        size = "N/A" if body_bytes is None else body_bytes
        day, milliseconds = self._now()
        seen = target if target in self._plain else visible(target)
        return (
            f"{day},{milliseconds:03d} I [{self._pid}] plimsoll.access - "
            f"[{visible(request_id)}] {method} {seen} {status} {duration_s * 1e3:.3f}ms {size}\n"
        )

    def _json(
        self, request_id: str, method: str, target: str, status: int, duration_s: float, body_bytes: int | None
    ) -> str:
        day, milliseconds = self._now()
        content = {
            "time": f"{day.replace(' ', 'T')}.{milliseconds:03d}Z",
            "level": "info",
            "logger": "plimsoll.access",
            "pid": self._pid,
            "requestId": request_id,
            "method": method,
            "target": target,
            "status": status,
            "durationMs": round(duration_s * 1e3, 3),
            "bodyBytes": body_bytes,
        }
        return json.dumps(content) + "\n"

    def _now(self) -> tuple[str, int]:
        """Date and time to the second, formatted once a second, and the milliseconds."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
        return self._stamp, int((now - second) * 1e3)
