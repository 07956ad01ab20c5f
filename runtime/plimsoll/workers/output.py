"""What score.py writes to stdout and stderr, line by line, with its worker named."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import IO

from plimsoll.workers.child.marked_lines import split_tag

LineSink = Callable[[str, str, str, str], None]
"""Takes the worker's name, the stream's name (stdout, stderr), the request id or an empty string, and one line."""
_READ_BYTES = 64 * 1024
_LONGEST_LINE_BYTES = 64 * 1024
_LAST_READS = 32
"""Twice what a pipe can hold (pipe(7): 1 MiB at most without rights)."""


class OutputPipe:
    """Reads one pipe of a worker until it closes; a line over 64 KiB is cut into pieces."""

    def __init__(self, pipe: IO[bytes] | None, worker: str, stream: str, sink: LineSink) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._worker = worker
        self._stream = stream
        self._sink = sink
        self._partial = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe.fileno(), False)
        self._loop.add_reader(pipe.fileno(), self._on_readable)

    def close(self) -> None:
        """Forwards what is left; a child of the script may still hold the other end open, and write for ever."""
        for _ in range(_LAST_READS):
            if not self._read():
                break
        if self._partial:
            self._emit(self._partial)
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()

    def _on_readable(self) -> None:
        if self._read() == b"":
            self._loop.remove_reader(self._pipe.fileno())

    def _read(self) -> bytes | None:
        """What was read; empty at the end of the pipe, None when nothing is there now."""
        try:
            data = os.read(self._pipe.fileno(), _READ_BYTES)
        except BlockingIOError:
            return None
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._emit(line)
        if len(self._partial) > _LONGEST_LINE_BYTES:
            self._emit(self._partial)
            self._partial = b""
        return data

    def _emit(self, line: bytes) -> None:
        request_id, text = split_tag(line.decode("utf-8", "backslashreplace"))
        self._sink(self._worker, self._stream, request_id, text)
