"""Readers for the kinds of dataset: each answers the bodies with the number by which a user finds them again.

pyarrow is an extra: only the reader of Parquet needs it.
"""

from __future__ import annotations

import csv
import importlib
import lzma
import mimetypes
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.rows import BINARY_TYPE, Row
from plimsoll.profiling.dataset.sampling import Sampler

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
# What macOS adds to an archive without being asked.
_FORKS = "__MACOSX"


def read_lines(name: str, lines: Iterable[bytes]) -> Iterator[Row]:
    """One body per line; LF or CRLF ends it, empty lines are dropped but counted, a byte order mark is not sent."""
    for number, line in _numbered(lines):
        body = line.removesuffix(b"\n").removesuffix(b"\r")
        _decoded(name, number, body)
        if body:
            yield Row(number, body)


def read_csv(name: str, lines: Iterable[bytes]) -> Iterator[Row]:
    """One column of strings; a record's number is the line it begins on.

    Header rule: the first record is a header if it is a bare word (letters, digits, `_`, `-`, not beginning with a
    digit) and the second record is not.
    """
    records = _records(name, lines)
    first_two = list(islice(records, 2))
    words = [bool(_COLUMN_NAME.fullmatch(text)) for _, text in first_two]
    for number, text in chain(first_two[1:] if words == [True, False] else first_two, records):
        if text:
            yield Row(number, text.encode())


def _records(name: str, lines: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    # The limit is there against broken quotes; a picture in base64 is longer than it.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader((_decoded(name, number, line) for number, line in _numbered(lines)), strict=True)
    first_line = 1
    try:
        for record in reader:
            if len(record) > 1:
                raise DatasetError(f"{name}, line {first_line}: {len(record)} columns; a CSV dataset has exactly one")
            if record:
                yield first_line, record[0]
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(f"{name}, line {first_line}: not CSV ({error})") from error


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, 1):
        yield number, line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line


def _decoded(name: str, number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name}, line {number}: not UTF-8 (byte {error.start + 1} of the line)") from error


def read_folder(path: Path, sampler: Sampler) -> list[Row]:
    """Every file below the folder, by path; hidden files are left out; the number is the place in that order."""
    files = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file.relative_to(path).parts))
    return [
        _named(place + 1, str(files[place].relative_to(path)), files[place].read_bytes())
        for place in sampler.choose([file.stat().st_size for file in files])
    ]


def read_zip(path: Path, sampler: Sampler) -> list[Row]:
    """Like a folder. Sizes are those of the unpacked files, so that a small archive cannot fill the memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted((info for info in archive.infolist() if _is_body(info)), key=_parts)
            chosen = sampler.choose([info.file_size for info in members])
            return [_member(archive, place + 1, members[place]) for place in chosen]
    # RuntimeError is what zipfile raises where a password is needed.
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
        raise DatasetError(f"{path}: cannot be unpacked ({error})") from error


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    """Folders compare by their parts: `a/b` comes before `a-b`, in an archive too, so that both number alike."""
    return PurePosixPath(info.filename).parts


def _is_body(info: zipfile.ZipInfo) -> bool:
    parts = _parts(info)
    return not info.is_dir() and not _hidden(parts) and _FORKS not in parts


def _member(archive: zipfile.ZipFile, number: int, info: zipfile.ZipInfo) -> Row:
    try:
        with archive.open(info) as file:
            data = file.read(info.file_size + 1)
    # Each way to pack has its own way to say that data are damaged; that of bz2 is an OSError.
    except (OSError, zlib.error, lzma.LZMAError) as error:
        raise zipfile.BadZipFile(f"{info.filename}: {error}") from error
    if len(data) != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename} is not as long as it says")
    return _named(number, info.filename, data)


def _named(number: int, name: str, data: bytes) -> Row:
    return Row(number, data, mimetypes.guess_type(name)[0] or BINARY_TYPE, name)


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") for part in parts)


def read_parquet(path: Path, sampler: Sampler) -> list[Row]:
    """The number is the place of the row, counted from 1; nulls and empty strings are dropped but counted."""
    path.stat()
    table = _table(path)
    if len(table.column_names) != 1:
        raise DatasetError(f"{path}: {len(table.column_names)} columns; a Parquet dataset has exactly one")
    values = enumerate(table.column(0).to_pylist(), 1)
    rows = [_row(path, number, value) for number, value in values if value not in (None, "", b"")]
    return [rows[place] for place in sampler.choose([len(row.body) for row in rows])]


def _table(path: Path) -> Any:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DatasetError(
            f"{path}: reading Parquet needs pyarrow, which is not installed",
            remedy="pip install 'plimsoll-runtime[parquet]'",
        ) from error
    try:
        return parquet.read_table(path)
    # pyarrow's own errors are ValueErrors or OSErrors.
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path}: not Parquet ({error})") from error


def _row(path: Path, number: int, value: Any) -> Row:
    if isinstance(value, bytes):
        return Row(number, value, BINARY_TYPE)
    if isinstance(value, str):
        return Row(number, value.encode())
    raise DatasetError(f"{path}, row {number}: {type(value).__name__}, neither a string nor bytes")
