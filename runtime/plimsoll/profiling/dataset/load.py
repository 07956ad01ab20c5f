"""The requests of a profile, from a text file, a CSV or Parquet file, envelopes, a folder, an archive or stdin.

Bodies are sent byte for byte. Azure's profiler read text rows as CSV, so that a line which begins with a double
quote lost its quotes; here it keeps them. Like there, empty lines are dropped and lines of blanks are kept. A line
with nothing but a number is a body too: it is JSON. Text may be bigger than the memory: where not all of it is taken,
it is read a second time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal, get_args

from plimsoll.errors import DatasetError, UsageError
from plimsoll.profiling.dataset.envelope import Envelope, looks_like_envelopes, read_envelopes
from plimsoll.profiling.dataset.formats import Body, read_csv, read_folder, read_lines, read_parquet, read_zip
from plimsoll.profiling.dataset.sampling import MOST_BYTES, MOST_ROWS, Sampler

STDIN = Path("-")
JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"
Format = Literal["lines", "csv", "parquet", "folder", "zip", "envelope"]


@dataclass(frozen=True, slots=True)
class Text:
    """A file that can be read from its beginning as often as wanted; `name` is for messages."""

    name: str
    _file: IO[bytes]

    def lines(self) -> Iterator[bytes]:
        """Each with the LF that ends it."""
        self._file.seek(0)
        # Not `yield from`: whoever stops early would close the file.
        for line in self._file:  # noqa: UP028
            yield line


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[Text]:
    """What comes through a pipe is copied into a file that has no name."""
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = sys.stdin.buffer if path == STDIN else stack.enter_context(path.open("rb"))
        if path == STDIN or not file.seekable():
            copy = stack.enter_context(TemporaryFile())
            shutil.copyfileobj(file, copy)
            file = copy
        yield Text("stdin" if path == STDIN else str(path), file)


def sampled(read: Callable[[], Iterator[Envelope]], sampler: Sampler) -> list[Envelope]:
    """Kept in memory is never much more than what may be taken; `read` begins anew each time."""
    kept: list[Envelope] = []
    sizes_bytes, total_bytes, fits = array("Q"), 0, True
    for envelope in read():
        sizes_bytes.append(len(envelope.body.data))
        total_bytes += sizes_bytes[-1]
        fits = fits and len(sizes_bytes) <= sampler.most_rows and total_bytes <= sampler.most_bytes
        if fits:
            kept.append(envelope)
        else:
            kept.clear()
    chosen = frozenset(sampler.choose(sizes_bytes))
    return kept if fits else [envelope for place, envelope in enumerate(read()) if place in chosen]


FORMATS: tuple[str, ...] = get_args(Format)
_BY_SUFFIX: dict[str, Format] = {
    ".txt": "lines",
    ".jsonl": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
    ".zip": "zip",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One request; `number` is its line (or its place in folder, archive or table), counted from 1.

    `path` of None is the scoring route, `expected_status` of None any 2xx. `headers` are those beside the
    content type.
    """

    number: int
    body: bytes
    content_type: str
    name: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    path: str | None = None
    expected_status: int | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows in the order of the file; `warnings` is what the user should know about how it was read."""

    path: Path
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()

    def distinct(self) -> int:
        """How many different requests there are."""
        return len({hashlib.sha256(repr((row.method, row.path)).encode() + row.body).digest() for row in self.rows})


def load_dataset(
    path: Path,
    content_type: str | None = None,
    kind: Format | None = None,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> Dataset:
    """Reads a dataset, of stdin where the path is `-`; raises DatasetError that names file and line.

    Without `kind` a folder is one and a file goes by its name; lines that all are envelopes are taken as such.
    Without `content_type` a row that parses as JSON is sent as application/json, other text as text/plain, and a
    file by its extension. What a row says itself wins over both.
    """
    if content_type is not None and not _is_header_value(content_type):
        raise UsageError(f"content type {content_type!r} cannot be sent in a header")
    sampler = Sampler(most_rows, most_bytes)
    try:
        envelopes = _read(path, kind, sampler)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file or folder") from error
    except OSError as error:
        raise DatasetError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    if not envelopes:
        raise DatasetError(f"{path}: no rows; profiling needs at least one request body")
    rows = tuple(_row(envelope, content_type) for envelope in envelopes)
    return Dataset(path, rows, tuple(_warnings(envelopes, sampler.left_out, kind)))


def _warnings(envelopes: list[Envelope], left_out: int, kind: Format | None) -> Iterator[str]:
    if left_out:
        found = len(envelopes) + left_out
        yield f"{len(envelopes)} of {found} rows were taken, spread evenly over the sizes of the bodies"
    if kind is None and envelopes[0].is_explicit:
        yield "every line is an object with a body: read as envelopes (--format lines sends them as they are)"


def parse_format(text: str | None) -> Format | None:
    """The value of a flag; raises UsageError that names what there is."""
    found: Format | None = next((name for name in get_args(Format) if name == text), None)
    if text is not None and found is None:
        raise UsageError(f"--format {text!r}: no such format", remedy=", ".join(FORMATS))
    return found


def _read(path: Path, kind: Format | None, sampler: Sampler) -> list[Envelope]:
    detect, kind = kind is None, kind or _kind_of(path)
    if kind in ("folder", "zip", "parquet") and path == STDIN:
        raise DatasetError(f"stdin cannot be read as {kind}", remedy="give a path, or --format lines, csv or envelope")
    if kind == "folder":
        return list(_plain(read_folder(path, sampler)))
    if kind == "zip":
        return list(_plain(read_zip(path, sampler)))
    if kind == "parquet":
        path.stat()
        bodies = read_parquet(path)
        return sampled(lambda: _plain(bodies), sampler)
    with open_text(path) as text:
        if kind == "lines" and detect and looks_like_envelopes(read_lines(text.name, text.lines())):
            kind = "envelope"
        return sampled(lambda: _read_text(text, kind), sampler)


def _read_text(text: Text, kind: Format) -> Iterator[Envelope]:
    if kind == "csv":
        return _plain(read_csv(text.name, text.lines()))
    lines = read_lines(text.name, text.lines())
    return read_envelopes(text.name, lines) if kind == "envelope" else _plain(lines)


def _kind_of(path: Path) -> Format:
    if path == STDIN:
        return "lines"
    if path.is_dir():
        return "folder"
    kind = _BY_SUFFIX.get(path.suffix.lower())
    if kind is None and path.exists():
        remedy = "use .txt, .jsonl, .csv, .parquet, .zip or a folder of files, or say which it is with --format"
        raise DatasetError(f"{path}: unknown kind of dataset", remedy=remedy)
    return kind or "lines"


def _plain(bodies: Iterable[Body]) -> Iterator[Envelope]:
    return (Envelope(body) for body in bodies)


def _row(envelope: Envelope, content_type: str | None) -> Row:
    body = envelope.body
    return Row(
        number=body.number,
        body=body.data,
        content_type=envelope.content_type or content_type or body.content_type or _guess(body.data),
        name=body.name,
        headers=envelope.headers,
        method=envelope.method,
        path=envelope.path,
        expected_status=envelope.expected_status,
    )


def _guess(body: bytes) -> str:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return TEXT_TYPE
    return JSON_TYPE


def _is_header_value(text: str) -> bool:
    return bool(text.strip()) and text.isascii() and text.isprintable()
