"""A reader of requests that knows only what is beyond doubt, held against the server by the grammar fuzz.

It stops at the first byte that RFC 9112 forbids or leaves to the recipient, so what it finds everybody must find.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

_LINE = re.compile(rb"(POST|GET|OPTIONS) (/score\?[0-9a-z]{0,40}) HTTP/1\.1\r\n")
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?((?:[!-~\x80-\xff](?:[ \t!-~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*\r\n"
)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,6})(?:;[a-z]+(?:=(?:[a-z]+|\"[a-z;]*\"))?)?\r\n")
_NUMBER = re.compile(rb"[0-9]{1,6}")
_DOUBTFUL = {"blanks": re.compile(rb"[ \t]\r\n"), "upgrade": re.compile(rb"upgrade", re.IGNORECASE)}
_PLAIN = {
    b"host",
    b"accept",
    b"x-probe",
    b"user-agent",
    b"cookie",
    b"x-a",
    b"!#$%&'*+.^_`|~",
    b"range",
    b"forwarded",
    b"x-t",
}
_FRAMING = {b"content-length", b"transfer-encoding", b"connection", b"upgrade"}


@dataclass(frozen=True, slots=True)
class Request:
    method: bytes
    target: bytes
    body: bytes


def read(raw: bytes, doubted: Collection[str] = ()) -> tuple[list[Request], list[int]]:
    """The requests at the beginning of `raw`, and where each of them ends. `doubted`: features of the grammar."""
    found: list[Request] = []
    ends: list[int] = []
    while (one := _request(raw, ends[-1] if ends else 0, doubted)) is not None:
        found.append(one[0])
        ends.append(one[1])
    return found, ends


def _request(raw: bytes, at: int, doubted: Collection[str]) -> tuple[Request, int] | None:
    line = _LINE.match(raw, at)
    head = _fields(raw, line.end()) if line else None
    if line is None or head is None:
        return None
    fields, at = head
    names = [name for name, _ in fields]
    once = dict(fields)
    if names.count(b"host") != 1 or once[b"host"] != b"x" or any(names.count(name) > 1 for name in _FRAMING):
        return None
    if once.get(b"connection", b"keep-alive").lower() not in (b"keep-alive", b"upgrade", b"keep-alive, upgrade"):
        return None
    if any(feature in doubted and found.search(raw, line.end(), at) for feature, found in _DOUBTFUL.items()):
        return None
    body = _body(raw, at, once)
    return (Request(line[1], line[2], body[0]), body[1]) if body else None


def _fields(raw: bytes, at: int) -> tuple[list[tuple[bytes, bytes]], int] | None:
    """The field lines up to and with the empty one, and where they end."""
    fields = []
    while (found := _FIELD.match(raw, at)) is not None:
        name = found[1].lower()
        if name not in _PLAIN | _FRAMING:
            return None
        fields.append((name, found[2]))
        at = found.end()
    return (fields, at + 2) if raw[at : at + 2] == b"\r\n" else None


def _body(raw: bytes, at: int, fields: dict[bytes, bytes]) -> tuple[bytes, int] | None:
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if coding is not None:
        return _dechunked(raw, at) if coding == b"chunked" and length is None else None
    if length is None:
        return b"", at
    if _NUMBER.fullmatch(length) is None or len(raw) < at + int(length) or int(length) > 150_000:
        return None
    return raw[at : at + int(length)], at + int(length)


def _dechunked(raw: bytes, at: int) -> tuple[bytes, int] | None:
    parts = []
    while (found := _CHUNK.match(raw, at)) is not None:
        size, at = int(found[1], 16), found.end()
        if size == 0:
            trailers = _fields(raw, at)
            unharmed = trailers is not None and all(name == b"x-t" for name, _ in trailers[0])
            return (b"".join(parts), trailers[1]) if trailers and unharmed else None
        if raw[at + size : at + size + 2] != b"\r\n":
            return None
        parts.append(raw[at : at + size])
        at += size + 2
    return None
