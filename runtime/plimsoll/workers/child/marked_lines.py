"""Puts the id of the running request on every line that the script prints.

The worker marks lines, the front reads the marks and writes the log. Only whole lines travel, each in one write,
so that two threads cannot mix theirs. What is written past Python (C libraries, faulthandler) carries no mark.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import Any

START, END = "\x1e", "\x1f"
"""Around the id, at the beginning of a marked line: ASCII's record and unit separators."""


class _Thread(threading.local):
    request_id = ""
    has_partial = False


_thread = _Thread()


def set_request_id(request_id: bytes) -> None:
    """The request that this thread works on from now on."""
    _thread.request_id = request_id.decode("latin-1")


def request_id() -> str:
    """Of the request that this thread works on; of a batch several, with commas. Empty outside of a call."""
    return _thread.request_id


def end_request() -> None:
    """What the script has written without ending the line becomes one: it belongs to this request."""
    if _thread.has_partial:
        sys.stdout.flush()
        sys.stderr.flush()


def tag_output() -> None:
    """Replaces sys.stdout and sys.stderr; `print`, `logging` and tracebacks go through them."""
    sys.stdout = _Tagged(sys.stdout.buffer, "utf-8", "backslashreplace")
    sys.stderr = _Tagged(sys.stderr.buffer, "utf-8", "backslashreplace")


def split_tag(line: str) -> tuple[str, str]:
    """Request id (empty where there is none) and text of a line that a worker wrote."""
    if not line.startswith(START):
        return "", line
    request_id, _, text = line[1:].partition(END)
    return request_id, text


class _Tagged(io.TextIOWrapper):
    """Keeps what is no whole line yet, per thread, until the line ends or the stream is flushed."""

    def __init__(self, buffer: Any, encoding: str, errors: str) -> None:
        self._lock = threading.RLock()
        self._partials = threading.local()
        super().__init__(buffer, encoding, errors, line_buffering=True)
        # A process forked while another thread writes would find the locks held for ever, here and in the buffer below.
        os.register_at_fork(
            before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._after_in_child
        )

    def write(self, text: str) -> int:
        *lines, rest = (getattr(self._partials, "text", "") + text).split("\n")
        self._partials.text = rest
        _thread.has_partial = bool(rest)
        if lines:
            self._emit("".join(f"{self._mark()}{line}\n" for line in lines))
        return len(text)

    def flush(self) -> None:
        """A partial line is sent as a line: whoever flushes wants it seen."""
        rest = getattr(self._partials, "text", "")
        if rest:
            self._partials.text = ""
            self._emit(f"{self._mark()}{rest}\n")
        with self._lock:
            super().flush()

    def _mark(self) -> str:
        return f"{START}{_thread.request_id}{END}" if _thread.request_id else ""

    def _after_in_child(self) -> None:
        self._partials = threading.local()  # the line that the parent has begun is the parent's
        self._lock.release()

    def _emit(self, text: str) -> None:
        with self._lock:
            super().write(text)
