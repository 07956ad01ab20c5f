"""A log stream that never blocks its caller and never grows.

The front answers probes on the same thread that writes the log, and whoever reads the log (a container engine, a
pager, a full disk) may stop at any time. So lines go into a bounded buffer, and a thread of its own puts them on the
descriptor; what finds no room is dropped and counted. Making the descriptor non-blocking would be simpler, but it is
shared with whoever started us, and they would not expect it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading

_LOG = logging.getLogger("plimsoll.server")
_MAX_BYTES = 1 << 20
_PIECE_BYTES = select.PIPE_BUF
"""A pipe that poll(2) calls writable takes this much without blocking (pipe(7))."""


class LogWriter:
    """Text stream over `descriptor`; holds `max_bytes` at most.

    Until `start`, and again after `close`, a line is written at once if the descriptor takes it, and dropped if not:
    gunicorn's master forks and must not have threads. `dropped` counts lines.
    """

    def __init__(self, descriptor: int, max_bytes: int = _MAX_BYTES) -> None:
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._lines: list[bytes] = []
        self._held_bytes = 0
        self._torn = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self.dropped = 0

    def start(self) -> None:
        """From now on a thread writes, where one can be had."""
        self._closing = False
        thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        with contextlib.suppress(RuntimeError):  # the limit on processes is reached: lines are written as before
            thread.start()
            self._thread = thread

    def close(self, patience_s: float) -> None:
        """Waits for what is held, `patience_s` at most: a reader that stands still must not keep the server alive."""
        thread = self._thread
        if thread is None:
            return
        with self._changed:
            self._closing = True
            self._changed.notify()
        thread.join(patience_s)
        self._thread = None

    def write(self, text: str) -> int:
        data = text.encode("utf-8", "backslashreplace")
        if self._thread is None:
            self._put_if_ready(data)
            return len(text)
        with self._changed:
            if self._held_bytes + len(data) > self._max_bytes:
                self.dropped += data.count(b"\n")
                return len(text)
            self._held_bytes += len(data)
            self._lines.append(data)
            self._changed.notify()
        return len(text)

    def flush(self) -> None:
        """Part of the interface of text streams; lines are not buffered here."""

    def _write_all(self) -> None:
        reported = self.dropped
        while data := self._take():
            written = self._put(data)
            with self._changed:
                self._held_bytes -= len(data)
            if written and self.dropped != reported:
                lost, reported = self.dropped - reported, self.dropped
                _LOG.warning("%d log lines were dropped: the log's reader was too slow, or its disk full", lost)

    def _take(self) -> bytes:
        """All that waits; empty once the writer is closed and nothing is left."""
        with self._changed:
            while not self._lines and not self._closing:
                self._changed.wait()
            data = b"".join(self._lines)
            self._lines.clear()
            return data

    def _put(self, data: bytes) -> bool:
        """Writes, and waits as long as that takes; where it fails the rest is dropped, and the next is tried anew."""
        left = memoryview(b"\n" + data if self._torn else data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except OSError:
                self._drop(left, len(data))
                return False
        self._torn = False
        return True

    def _put_if_ready(self, data: bytes) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        left = memoryview(data)
        while left:
            ready = poll.poll(0)
            if not ready or not ready[0][1] & select.POLLOUT:
                self._drop(left, len(data))
                return
            try:
                left = left[os.write(self._descriptor, left[:_PIECE_BYTES]) :]
            except OSError:
                self._drop(left, len(data))
                return

    def _drop(self, left: memoryview, of_bytes: int) -> None:
        """What is written next begins on a line of its own."""
        self._torn = self._torn or len(left) < of_bytes
        with self._changed:
            self.dropped += bytes(left).count(b"\n")
