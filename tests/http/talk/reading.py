"""Reads answers off a connection, strictly: what is no HTTP answer is reported, never skipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-9][0-9]{2}) [^\r\n]*")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")


@dataclass(frozen=True, slots=True)
class Seen:
    """Names of `fields` are in small letters."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes
    to_the_end: bool = False
    """Its body has no length, and ends with the connection."""

    def __str__(self) -> str:
        return f"{self.status} {self.body[:60]!r}"


class NotHttp(Exception):
    """What the server sent is no answer."""


@dataclass
class Reading:
    """`bodiless(n)` says whether final answer n has no body because its request was HEAD."""

    bodiless: Callable[[int], bool]
    seen: list[Seen] = field(default_factory=list)
    rest: bytes = b""
    finals: int = 0
    ended: bool = False

    def feed(self, data: bytes) -> None:
        """Raises NotHttp."""
        self.rest += data
        while self.rest and (one := self._next()) is not None:
            self.seen.append(one)
            self.finals += one.status >= 200

    def end(self) -> None:
        """The connection is over. Raises NotHttp."""
        self.ended = True
        self.feed(b"")
        if self.rest:
            raise NotHttp(f"the connection ended within {self.rest[:80]!r}")

    def _next(self) -> Seen | None:
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if not found:
            return self._unfinished_head()
        status, fields = _parsed(head)
        if status < 200 or status in (204, 304) or self.bodiless(self.finals):
            taken: tuple[bytes, bytes] | None = (b"", body)
        elif b"transfer-encoding" in fields:
            taken = _dechunked(body)
        elif b"content-length" in fields:
            size = int(fields[b"content-length"])
            taken = (body[:size], body[size:]) if len(body) >= size else None
        else:
            taken = (body, b"") if self.ended else None
        if taken is None:
            return None
        self.rest = taken[1]
        unframed = not {b"transfer-encoding", b"content-length"} & fields.keys() and bool(taken[0])
        return Seen(status, fields, taken[0], unframed)

    def _unfinished_head(self) -> None:
        if not b"HTTP/1.1 ".startswith(self.rest[:9]) and not self.rest.startswith(b"HTTP/1.1 "):
            raise NotHttp(f"this is no answer: {self.rest[:80]!r}")


def _parsed(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise NotHttp(f"this is no status line: {first[:80]!r}")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        matched = _FIELD.fullmatch(line)
        if matched is None:
            raise NotHttp(f"this is no field: {line[:80]!r}")
        name, value = matched[1].lower(), matched[2]
        if name in fields and name in (b"content-length", b"transfer-encoding", b"connection", b"date"):
            raise NotHttp(f"{name.decode()} twice")
        fields[name] = fields[name] + b", " + value if name in fields else value
    if b"content-length" in fields and b"transfer-encoding" in fields:
        raise NotHttp("both a length and a coding")
    return int(found[1]), fields


def _dechunked(data: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it."""
    parts, at = [], 0
    while found := _CHUNK.match(data, at):
        size, at = int(found[1], 16), found.end()
        if len(data) < at + size + 2:
            return None
        if data[at + size : at + size + 2] != b"\r\n":
            raise NotHttp(f"no line end behind a chunk: {data[at + size : at + size + 9]!r}")
        if size == 0:
            return b"".join(parts), data[at + 2 :]
        parts.append(data[at : at + size])
        at += size + 2
    return None
