"""Where messages begin in what the parser was given: it does not tell, and two things depend on it.

A chunked body is decoded behind the parser's back, from the first byte behind its head; and a method that nobody knows
is told from what is no method at all.
"""

from __future__ import annotations

import re

_METHOD = re.compile(rb"[\r\n]*+[!#$%&'*+.^_`|~0-9A-Za-z-]++(?: |\Z)")


class Beginning:
    """What has come of a head, and how many messages the parser has passed in the piece that it is looking at."""

    __slots__ = ("_kept", "_passed")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._passed: list[int] = []

    def __len__(self) -> int:
        """Bytes of a head that has not come whole, empty lines before it included."""
        return len(self._kept)

    @property
    def has_passed(self) -> bool:
        return bool(self._passed)

    def on_piece(self) -> None:
        """Counts anew: messages are counted for each piece that the parser gets."""
        self._passed.clear()

    def on_passed(self, body_bytes: int) -> None:
        """A message with so long a body was complete within the piece."""
        self._passed.append(body_bytes)

    def keep(self, piece: memoryview) -> None:
        """Remembers the unfinished head with which this piece ends."""
        if self._passed:
            data = bytes(self._kept) + piece
            self._kept = bytearray(data[self._start(data) :])
        else:
            self._kept += piece

    def clear(self) -> None:
        self._kept.clear()

    def head_end(self, piece: memoryview) -> int:
        """Where in `piece` the head ends that the parser was looking at last."""
        data = bytes(self._kept) + piece
        return _head_end(data, self._start(data)) - len(self._kept)

    def names_method(self, piece: memoryview) -> bool:
        """Whether what stands there could be a method, as far as it has come (RFC 9110 §9.1)."""
        data = bytes(self._kept) + piece
        return _METHOD.match(data, self._start(data)) is not None

    def _start(self, data: bytes) -> int:
        at = 0
        for body_bytes in self._passed:
            at = _head_end(data, at) + body_bytes
        return at


def _head_end(data: bytes, at: int) -> int:
    """Behind the head that begins at `at`; empty lines before it are none of it (RFC 9112 §2.2)."""
    while data[at : at + 1] in (b"\r", b"\n"):
        at += 1
    return data.index(b"\r\n\r\n", at) + 4
