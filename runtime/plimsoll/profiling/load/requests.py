"""Requests: handed to the driver as rows, made into bytes before any clock runs, sent in an order that a seed decides.

The rows travel in a file, exactly those that the profiler has, also where stdin or a sample was read.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from plimsoll.profiling.dataset.rows import Row

OUTCOME_TIMEOUT = "timeout"
OUTCOME_CLOSED = "closed"
OUTCOME_REFUSED = "refused"
# It never left: the driver itself had no descriptor or no port for it. A level with such requests is no measurement.
OUTCOME_DRIVER = "driver"
_WITH_BODY = {"POST", "PUT", "PATCH"}


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests as bytes, by row index; `expected` holds the outcome of the rows for which it is not any 2xx.

    `answers` is filled with the checksum of each row's first answer, `least_ns` with the least time that it ever took.
    The server runs `slots` requests at once. `arrived_s` is when a row came that was recorded.
    """

    wire: Sequence[bytes] = ()
    expected: Mapping[int, str] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    least_ns: dict[int, int] = field(default_factory=dict)
    slots: int = 1
    arrived_s: Sequence[float | None] = ()


def prepare(
    rows: Sequence[Row], host: str, port: int, path: str, slots: int = 1, known: Requests | None = None
) -> Requests:
    """`path` is for rows that name none. What is `known` of their answers goes on being known."""
    known = known or Requests()
    wire = [serialise(row, host, port, path) for row in rows]
    arrived_s = [row.arrived_s for row in rows]
    return Requests(wire, expected_outcomes(rows), known.answers, known.least_ns, slots, arrived_s)


def expected_outcomes(rows: Sequence[Row]) -> dict[int, str]:
    """Of the rows that say which status is right."""
    return {index: str(row.expected_status) for index, row in enumerate(rows) if row.expected_status is not None}


def is_success(outcome: str, expected: str | None = None) -> bool:
    """The outcome that the row expects, or any 2xx."""
    return outcome == expected if expected else len(outcome) == 3 and outcome.startswith("2")


def serialise(row: Row, host: str, port: int, path: str) -> bytes:
    """HTTP/1.1, head and body."""
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
        self.taken = 0

    @property
    def at_pass_end(self) -> bool:
        """True when all rows have been taken equally often."""
        return self.taken % len(self._rows) == 0

    def take(self) -> int:
        place = self.taken % len(self._rows)
        if place == 0:
            self._random.shuffle(self._rows)
        self.taken += 1
        return self._rows[place]


@contextmanager
def spooled(rows: Iterable[Row]) -> Iterator[Path]:
    """A file that only this user can read, for as long as the block lasts."""
    with NamedTemporaryFile("w", encoding="ascii", prefix="plimsoll-rows-") as file:
        file.writelines(json.dumps(_written(row)) + "\n" for row in rows)
        file.flush()
        yield Path(file.name)


def read_spool(path: Path) -> list[Row]:
    """What `spooled` wrote, in the driver's process."""
    with path.open(encoding="ascii") as file:
        return [_read(json.loads(line)) for line in file]


def _written(row: Row) -> dict[str, Any]:
    return {
        "number": row.number,
        "body": base64.b64encode(row.body).decode("ascii"),
        "contentType": row.content_type,
        "headers": row.headers,
        "method": row.method,
        "path": row.path,
        "expectedStatus": row.expected_status,
        "arrivedSeconds": row.arrived_s,
    }


def _read(value: dict[str, Any]) -> Row:
    return Row(
        number=value["number"],
        body=base64.b64decode(value["body"]),
        content_type=value["contentType"],
        headers=tuple((name, text) for name, text in value["headers"]),
        method=value["method"],
        path=value["path"],
        expected_status=value["expectedStatus"],
        arrived_s=value["arrivedSeconds"],
    )
