"""The request bodies of a profile: rows of a text file, of a one-column CSV, or the files of a folder.

Bodies are sent byte for byte. Azure's profiler read text rows as CSV, so that a line which begins with a double
quote lost its quotes; here it keeps them. Like there, empty lines are dropped and lines of blanks are kept.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from plimsoll.errors import DatasetError, UsageError
from plimsoll.profiling.dataset_files import Body, read_csv, read_folder, read_lines

JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"
_READERS = {".txt": read_lines, ".jsonl": read_lines, ".csv": read_csv}


@dataclass(frozen=True, slots=True)
class Row:
    """One request body; `number` is its line (or its place in the folder), counted from 1."""

    number: int
    body: bytes
    content_type: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows in the order of the file."""

    path: Path
    rows: tuple[Row, ...]

    def distinct(self) -> int:
        """How many different bodies there are."""
        return len({hashlib.sha256(row.body).digest() for row in self.rows})


def load_dataset(path: Path, content_type: str | None = None) -> Dataset:
    """Reads `.txt`, `.jsonl`, `.csv` or a folder; raises DatasetError that names file and line.

    Without `content_type` a row that parses as JSON is sent as application/json, other text as text/plain, and a
    file of a folder by its extension.
    """
    if content_type is not None and not _is_header_value(content_type):
        raise UsageError(f"content type {content_type!r} cannot be sent in a header")
    bodies = _read(path)
    if not bodies:
        raise DatasetError(f"{path}: no rows; profiling needs at least one request body")
    rows = (
        Row(body.number, body.data, content_type or body.content_type or _guess(body.data), body.name)
        for body in bodies
    )
    return Dataset(path, tuple(rows))


def _read(path: Path) -> list[Body]:
    try:
        if path.is_dir():
            return read_folder(path)
        reader = _READERS.get(path.suffix.lower())
        if path.exists() and reader is None:
            raise DatasetError(f"{path}: unknown kind of dataset", remedy="use .txt, .jsonl, .csv or a folder of files")
        return (reader or read_lines)(path)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file or folder") from error
    except OSError as error:
        raise DatasetError(f"{error.filename or path}: cannot be read ({error.strerror})") from error


def _guess(body: bytes) -> str:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return TEXT_TYPE
    return JSON_TYPE


def _is_header_value(text: str) -> bool:
    return bool(text.strip()) and text.isascii() and text.isprintable()
