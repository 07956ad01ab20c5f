"""The chunked coding of a body (RFC 9112 §7.1), strictly: what another server could read otherwise is an error.

SIZE ─┬─ DATA ─── DATA_END ─── SIZE        a chunk
      └─ TRAILER ─── OVER                  the last one: trailer fields are read, counted and dropped
"""

from __future__ import annotations

import re
from enum import Enum, auto

from plimsoll.errors import HeadTooLarge, MalformedRequest
from plimsoll.server.http.body import GrowingBody

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+"'
_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:[ \t]*+;[ \t]*+%b(?:[ \t]*+=[ \t]*+(?:%b|%b))?+)*+)" % (_TOKEN, _TOKEN, _QUOTED)
)
_FIELD_LINE = re.compile(rb"%b:[\t \x21-\x7e\x80-\xff]*+" % _TOKEN)


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    OVER = auto()


class Chunks:
    """Decodes into `body`, or into nothing where that is None; `over` once the last line has been read."""

    __slots__ = ("_body", "_line", "_max_line_bytes", "_rest", "_spare_bytes", "_state", "received_bytes")

    def __init__(self, body: GrowingBody | None, max_line_bytes: int) -> None:
        """`max_line_bytes` bounds the extensions of all chunks together, and the trailers with them."""
        self.received_bytes = 0
        self._body = body
        self._line = b""
        self._max_line_bytes = max_line_bytes
        self._rest = 0
        self._spare_bytes = 0
        self._state = _State.SIZE

    @property
    def over(self) -> bool:
        return self._state is _State.OVER

    def feed(self, piece: memoryview) -> int:
        """Returns how much of `piece` belongs to the body.

        Raises MalformedRequest, HeadTooLarge, and what the body raises.
        """
        data = bytes(piece)
        at = 0
        while at < len(data) and self._state is not _State.OVER:
            if self._state is _State.DATA:
                count = min(self._rest, len(data) - at)
                self._take(data[at : at + count])
                at += count
            else:
                at = self._read_line(data, at)
        return at

    def _take(self, data: bytes) -> None:
        if self._body is not None:
            self._body.append(data)
        self.received_bytes += len(data)
        self._rest -= len(data)
        if not self._rest:
            self._state = _State.DATA_END

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        self._line += data[at : end + 1] if end >= 0 else data[at:]
        if len(self._line) + self._spare_bytes > self._max_line_bytes:
            raise HeadTooLarge(f"Trailers or extensions of chunks are larger than {self._max_line_bytes} bytes.")
        if end < 0:
            self._check_beginning()
            return len(data)
        line, self._line = self._line, b""
        if not line.endswith(b"\r\n"):
            raise _malformed("a line of it ends without CR")
        self._on_line(line[:-2])
        return end + 1

    def _check_beginning(self) -> None:
        """A line that cannot become one any more is refused before its end comes."""
        if self._state is _State.DATA_END and not b"\r\n".startswith(self._line):
            raise _malformed("a chunk is longer than it says")
        if b"\r" in self._line[:-1]:
            raise _malformed("a line of it holds a bare CR")

    def _on_line(self, line: bytes) -> None:
        if self._state is _State.SIZE:
            self._on_size(line)
        elif self._state is _State.DATA_END:
            if line:
                raise _malformed("a chunk is longer than it says")
            self._state = _State.SIZE
        elif not line:
            self._state = _State.OVER
        elif _FIELD_LINE.fullmatch(line):
            self._spare_bytes += len(line) + 2
        else:
            raise _malformed("a trailer is not a valid field")

    def _on_size(self, line: bytes) -> None:
        found = _SIZE_LINE.fullmatch(line)
        if found is None:
            raise _malformed("a chunk has no valid size")
        self._spare_bytes += len(found[2])
        self._rest = int(found[1], 16)
        if self._body is not None:
            self._body.announce(self._rest)
        self._state = _State.DATA if self._rest else _State.TRAILER


def _malformed(what: str) -> MalformedRequest:
    return MalformedRequest(f"The chunked body is malformed: {what}.")
