"""Rows: the requests of a profile, one for each line, record, file or table row of the dataset."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"
BINARY_TYPE = "application/octet-stream"
_CONTENT_TYPE = "content-type"


@dataclass(frozen=True, slots=True)
class Row:
    """One request; `number` is its line (or its place in folder, archive or table), counted from 1.

    `path` of None is the scoring route, `expected_status` of None any 2xx. While a dataset is read `content_type` is
    what a file's name tells, or empty, and `headers` may hold another; see `typed`. `arrived_s` is when it came, in
    seconds since 1970, where it was recorded.
    """

    number: int
    body: bytes
    content_type: str = ""
    name: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    path: str | None = None
    expected_status: int | None = None
    arrived_s: float | None = None

    def typed(self, asked: str | None) -> Row:
        """With the content type of its own headers, else the one asked for, else that of its name or its looks."""
        own = next((text for name, text in self.headers if name.lower() == _CONTENT_TYPE), None)
        headers = tuple(header for header in self.headers if header[0].lower() != _CONTENT_TYPE)
        kind = own or asked or self.content_type or _looks_like(self.body)
        return dataclasses.replace(self, content_type=kind, headers=headers)

    def with_headers(self, headers: Sequence[tuple[str, str]]) -> Row:
        own = {name.lower() for name, _ in self.headers}
        missing = tuple(header for header in headers if header[0].lower() not in own)
        return dataclasses.replace(self, headers=(*self.headers, *missing))


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows in the order of the file; `warnings` is what the user should know about how it was read."""

    path: Path
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()

    def distinct(self) -> int:
        return len({hashlib.sha256(repr((row.method, row.path)).encode() + row.body).digest() for row in self.rows})

    def with_headers(self, headers: Sequence[tuple[str, str]]) -> Dataset:
        """The same with these headers on every row that does not have them itself."""
        return dataclasses.replace(self, rows=tuple(row.with_headers(headers) for row in self.rows))


def _looks_like(body: bytes) -> str:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return TEXT_TYPE
    return JSON_TYPE
