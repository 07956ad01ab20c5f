"""Requests as bytes, made before any clock runs, and the order in which rows are sent."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from plimsoll.profiling.dataset import Row


def serialise(row: Row, host: str, port: int, path: str) -> bytes:
    """The whole HTTP/1.1 request of a row."""
    head = (
        f"POST {path} HTTP/1.1\r\n"
        f"Host: {host}:{port}\r\n"
        "User-Agent: plimsoll-profile\r\n"
        "Accept: */*\r\n"
        f"Content-Type: {row.content_type}\r\n"
        f"Content-Length: {len(row.body)}\r\n"
        "\r\n"
    )
    return head.encode("ascii") + row.body


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
        """The next row's index."""
        self.taken += 1
        return next(self._passes)

    def _endless(self) -> Iterator[int]:
        while True:
            self._random.shuffle(self._rows)
            yield from self._rows
