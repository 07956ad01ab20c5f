"""Requests as bytes, made before any clock runs, and the order in which rows are sent."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from plimsoll.profiling.dataset.load import Row

_WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """The requests as bytes, by row index; `expected` holds the outcome of the rows for which it is not any 2xx.

    `answers` is filled with the checksum of each row's first answer.
    """

    wire: Sequence[bytes]
    expected: Mapping[int, str]
    answers: dict[int, int] = field(default_factory=dict)


def prepare(rows: Sequence[Row], host: str, port: int, path: str, answers: dict[int, int]) -> Prepared:
    """All rows; `path` is for those that name none. `answers`: what is known of their answers."""
    wire = [serialise(row, host, port, path) for row in rows]
    return Prepared(wire, expected_outcomes(rows), answers)


def expected_outcomes(rows: Sequence[Row]) -> dict[int, str]:
    """Of the rows that say which status is right."""
    return {index: str(row.expected_status) for index, row in enumerate(rows) if row.expected_status is not None}


def serialise(row: Row, host: str, port: int, path: str) -> bytes:
    """The whole HTTP/1.1 request of a row."""
    own = {"host": f"{host}:{port}", "user-agent": "plimsoll-profile", "accept": "*/*"}
    if row.body or row.method in _WITH_BODY:
        own |= {"content-type": row.content_type, "content-length": str(len(row.body))}
    given = {name.lower() for name, _ in row.headers}
    headers = [*((name, text) for name, text in own.items() if name not in given), *row.headers]
    lines = [f"{row.method} {row.path or path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + row.body


class RowOrder:
    """Endless passes over the rows, each a new permutation drawn from `seed`: every pass holds every row once."""

    def __init__(self, rows: Sequence[int], seed: int) -> None:
        self._rows = list(rows)
        # Repeatable shuffling, nothing secret.
        self._random = random.Random(seed)  # noqa: S311
        self._passes = self._endless()
        self.taken = 0

    @property
    def at_pass_end(self) -> bool:
        """True when all rows have been taken equally often."""
        return self.taken % len(self._rows) == 0

    def take(self) -> int:
        self.taken += 1
        return next(self._passes)

    def _endless(self) -> Iterator[int]:
        while True:
            self._random.shuffle(self._rows)
            yield from self._rows
