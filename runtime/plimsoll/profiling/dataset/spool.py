"""Hands the rows to the load driver: exactly those that the profiler has, also where stdin or a sample was read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from plimsoll.profiling.dataset.load import Row


@contextmanager
def spooled(rows: Iterable[Row]) -> Iterator[Path]:
    """A file that only this user can read, for as long as the block lasts."""
    with NamedTemporaryFile("w", encoding="ascii", prefix="plimsoll-rows-") as file:
        file.writelines(json.dumps(_written(row)) + "\n" for row in rows)
        file.flush()
        yield Path(file.name)


def read_spool(path: Path) -> list[Row]:
    """What `spooled` wrote."""
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
    )
