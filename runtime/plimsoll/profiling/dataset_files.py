"""Readers for the kinds of dataset: each answers the bodies with the number by which a user finds them again."""

from __future__ import annotations

import csv
import io
import mimetypes
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plimsoll.errors import DatasetError

BINARY_TYPE = "application/octet-stream"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")


@dataclass(frozen=True, slots=True)
class Body:
    """One body as it lies in the file; `content_type` is set where the file's name tells it."""

    number: int
    data: bytes
    content_type: str | None = None
    name: str | None = None


def read_lines(path: Path) -> list[Body]:
    """One body per line; LF or CRLF ends it, empty lines are dropped but counted, a byte order mark is not sent."""
    lines = path.read_bytes().removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    bodies = (Body(number, line.removesuffix(b"\r")) for number, line in enumerate(lines, 1))
    return [_checked(path, body) for body in bodies if body.data]


def read_csv(path: Path) -> list[Body]:
    """One column of strings; a record's number is the line it begins on.

    Header rule: the first record is a header if it is a bare word (letters, digits, `_`, `-`, not beginning with a
    digit) and the second record is not.
    """
    records = list(_records(path))
    if len(records) > 1 and _COLUMN_NAME.fullmatch(records[0][1]) and not _COLUMN_NAME.fullmatch(records[1][1]):
        del records[0]
    return [Body(number, text.encode()) for number, text in records if text]


def _records(path: Path) -> Iterator[tuple[int, str]]:
    # The limit is there against broken quotes; a picture in base64 is longer than it.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    first_line = 1
    try:
        for record in reader:
            if len(record) > 1:
                raise DatasetError(f"{path}, line {first_line}: {len(record)} columns; a CSV dataset has exactly one")
            if record:
                yield first_line, record[0]
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{path}, line {first_line}: not CSV ({error})") from error


def read_folder(path: Path) -> list[Body]:
    """Every file below the folder, by path; hidden files are left out; the number is the place in that order."""
    files = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file.relative_to(path)))
    return [_file_body(number, file, path) for number, file in enumerate(files, 1)]


def _file_body(number: int, file: Path, folder: Path) -> Body:
    kind = mimetypes.guess_type(file.name)[0] or BINARY_TYPE
    return Body(number, file.read_bytes(), kind, str(file.relative_to(folder)))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _decoded(path: Path) -> str:
    data = path.read_bytes().removeprefix(_BYTE_ORDER_MARK)
    for number, line in enumerate(data.split(b"\n"), 1):
        _checked(path, Body(number, line))
    return data.decode()


def _checked(path: Path, body: Body) -> Body:
    try:
        body.data.decode()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}, line {body.number}: not UTF-8 (byte {error.start + 1} of the line)") from error
    return body
