"""The bytes of a response's head: status lines, the date, lines of fields."""

from __future__ import annotations

import http
import time
from collections.abc import Iterable
from email.utils import formatdate

Fields = list[tuple[bytes, bytes]]
"""Names, in lower case, and values."""


def _status_line(status: int) -> bytes:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}
NO_CONTENT = frozenset({204, 304})
"""Statuses whose answer has neither a body nor a Content-Length (RFC 9110 §8.6, §15.3.5, §15.4.5)."""


def field_lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """As they stand in a head. The caller knows that neither names nor values hold line ends."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])


class DateLine:
    """The Date field of this second (RFC 9110 §6.6.1); whoever holds it has it refreshed."""

    __slots__ = ("_second", "line")

    def __init__(self) -> None:
        self._second = 0
        self.line = b""
        self.refresh()

    def refresh(self) -> None:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self.line = b"date: %b\r\n" % formatdate(now, usegmt=True).encode()
