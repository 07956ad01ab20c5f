"""Puts collected lines on a disk that may be slow, full or not there, without anybody waiting for it.

The event loop makes the lines, since a thread that did so would hold the interpreter's lock while the loop wants it;
the thread here only writes, which needs no lock. What is not written yet is bounded: what finds no room is dropped and
counted, and the log says so once in ten minutes.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
import time
from binascii import b2a_base64
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue

from plimsoll.server.collection.files import CollectionFile

_LOG = logging.getLogger("plimsoll.collect")
_FLUSH_S = 0.05
_FLUSH_BYTES = 1 << 20
"""Each time the thread wants the interpreter's lock the loop pays for it, too."""
_SILENCE_S = 600.0
PLACE = b"\0"
"""Stands in no line: JSON has no control characters."""
_PIECE_BYTES = 3 * 2**14
"""Of a large body in base64; a multiple of three."""


@dataclass(frozen=True, slots=True)
class LargeLine:
    """A line whose base64 is made where it is written, piece by piece: it replaces what `around` has PLACE for."""

    around: bytes
    body: bytes

    def __len__(self) -> int:
        return len(self.around) + len(self.body)

    def written(self) -> bytes:
        view = memoryview(self.body)
        pieces = (b2a_base64(view[at : at + _PIECE_BYTES], newline=False) for at in range(0, len(view), _PIECE_BYTES))
        before, _, after = self.around.rpartition(PLACE)
        return b"".join([before, *pieces, after])


Line = bytes | LargeLine
Batch = defaultdict[str, list[tuple[int, Line]]]
"""Of each collection how many lines, and they."""
FileOf = Callable[[str], CollectionFile]


class CollectionWriter:
    """Everything but `_write_all` and what it calls belongs to the event loop.

    `written` counts the records that lie in files, by collection, `dropped` those that do not, by reason.
    """

    def __init__(self, file_of: FileOf, buffer_bytes: int) -> None:
        self.written: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self._file_of = file_of
        self._buffer_bytes = buffer_bytes
        self._flush_bytes = min(_FLUSH_BYTES, buffer_bytes // 4)
        self._loop = asyncio.get_running_loop()
        self._batch: Batch = defaultdict(list)
        self._batch_bytes = 0
        self._is_awaited = False
        self._given_bytes = 0
        self._done_bytes = 0
        """The thread's alone, as `_given_bytes` is the loop's: neither needs a lock."""
        self._queue: SimpleQueue[tuple[float, Batch, int] | None] = SimpleQueue()
        self._files: dict[str, CollectionFile] = {}
        self._told: dict[str, float] = {}
        self._thread = threading.Thread(target=self._write_all, name="collect", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the limit on processes is reached: all is dropped and counted
            self._buffer_bytes = -1

    @property
    def held_bytes(self) -> int:
        return self._batch_bytes + self._given_bytes - self._done_bytes

    def has_room(self, size_bytes: int, records: int = 1) -> bool:
        """Whether so much can be held now; counts the `records` as dropped where it cannot."""
        if self.held_bytes + size_bytes <= self._buffer_bytes:
            return True
        reason = "too_large" if size_bytes > self._buffer_bytes else "buffer_full"
        self.drop(reason, records)
        return False

    def drop(self, reason: str, records: int) -> None:
        self.dropped[reason] += records
        self._tell(reason, reason.replace("_", " "))

    def add(self, collection: str, line: Line) -> None:
        size = len(line)
        if self.has_room(size):
            self._put(collection, 1, line, size)

    def add_all(self, collection: str, lines: list[bytes]) -> None:
        """As one piece: many of them would lie scattered in memory until they are written."""
        together = b"".join(lines)
        if self.held_bytes + len(together) > self._buffer_bytes:
            for line in lines:
                self.add(collection, line)
        elif lines:
            self._put(collection, len(lines), together, len(together))

    def close(self, patience_s: float) -> None:
        """Waits until all that is held is written, or `patience_s` have passed."""
        self._flush()
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join(patience_s)
            if self._thread.is_alive():
                _LOG.error("%d bytes of collected records are lost: the disk is too slow", self.held_bytes)

    def _put(self, collection: str, records: int, lines: Line, size_bytes: int) -> None:
        if not self._is_awaited:
            self._is_awaited = True
            self._loop.call_later(_FLUSH_S, self._end_pause)
        self._batch[collection].append((records, lines))
        self._batch_bytes += size_bytes
        if self._batch_bytes >= self._flush_bytes:
            self._flush()

    def _end_pause(self) -> None:
        self._is_awaited = False
        self._flush()

    def _flush(self) -> None:
        if self._batch_bytes:
            self._queue.put((time.time(), self._batch, self._batch_bytes))
            self._given_bytes += self._batch_bytes
            self._batch, self._batch_bytes = defaultdict(list), 0

    def _write_all(self) -> None:
        while (taken := self._queue.get()) is not None:
            at_s, batch, size_bytes = taken
            for collection, lines in batch.items():
                for records, data in _pieces(lines):
                    self._write(collection, records, data, at_s)
            self._done_bytes += size_bytes
        for file in self._files.values():
            file.close()

    def _write(self, collection: str, records: int, data: bytes, at_s: float) -> None:
        reason = os.strerror(errno.ENOSPC)
        try:
            file = self._files.get(collection) or self._files.setdefault(collection, self._file_of(collection))
            written = file.write(data, at_s)
        except OSError as error:
            written, reason = 0, os.strerror(error.errno or 0)
        written = records if written is None else written
        self.written[collection] += written
        if written < records:
            self.dropped["write_failed"] += records - written
            self._tell("write_failed", f"those of {collection} cannot be written: {reason}")

    def _tell(self, reason: str, why: str) -> None:
        """Once in a while: a full disk stays full for thousands of requests."""
        now_s = time.monotonic()
        if now_s - self._told.get(reason, -_SILENCE_S) >= _SILENCE_S:
            self._told[reason] = now_s
            _LOG.error("records are not collected, %s; plimsoll_collect_dropped_total counts them", why)


def _pieces(batch: list[tuple[int, Line]]) -> Iterator[tuple[int, bytes]]:
    """How many lines, and they: small ones together, a large one by itself."""
    records, small = 0, list[bytes]()
    for count, lines in batch:
        if isinstance(lines, LargeLine):
            yield records, b"".join(small)
            records, small = 0, []
            yield 1, lines.written()
        else:
            records += count
            small.append(lines)
    yield records, b"".join(small)
