"""The requests of a profile, from a text file, a CSV or Parquet file, envelopes, a folder, an archive or stdin.

Bodies are sent byte for byte. Azure's profiler read text rows as CSV, so that a line which begins with a double
quote lost its quotes; here it keeps them. Like there, empty lines are dropped and lines of blanks are kept. A line
with nothing but a number is a body too: it is JSON. Text may be bigger than the memory: where not all of it is taken,
it is read a second time.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Literal, get_args

from plimsoll.errors import DatasetError, UsageError
from plimsoll.profiling.dataset.captured import read_collected, read_data_capture, recorded_format
from plimsoll.profiling.dataset.envelope import looks_like_envelopes, read_envelopes
from plimsoll.profiling.dataset.formats import read_csv, read_folder, read_lines, read_parquet, read_zip
from plimsoll.profiling.dataset.rows import Dataset, Row
from plimsoll.profiling.dataset.sampling import MOST_BYTES, MOST_ROWS, Sampler

STDIN = Path("-")
Format = Literal["lines", "csv", "parquet", "folder", "zip", "envelope", "collected", "sagemaker"]
FORMATS: tuple[Format, ...] = get_args(Format)
_BY_SUFFIX: Mapping[str, Format] = {
    ".txt": "lines",
    ".jsonl": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
    ".zip": "zip",
}
# All others are text, which is read as it comes.
_BY_PATH: Mapping[Format, Callable[[Path, Sampler], list[Row]]] = {
    "folder": read_folder,
    "zip": read_zip,
    "parquet": read_parquet,
    "collected": read_collected,
    "sagemaker": read_data_capture,
}


def load_dataset(
    path: Path,
    content_type: str | None = None,
    kind: Format | None = None,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> Dataset:
    """Reads a dataset, of stdin where the path is `-`; raises DatasetError that names file and line.

    Without `kind` a folder is one and a file goes by its name; lines that all are envelopes are taken as such, and so
    are recorded requests.
    Without `content_type` a row that parses as JSON is sent as application/json, other text as text/plain, and a
    file by its extension. What a row says itself wins over both.
    """
    if content_type is not None and not _is_header_value(content_type):
        raise UsageError(f"content type {content_type!r} cannot be sent in a header")
    sampler = Sampler(most_rows, most_bytes)
    try:
        rows, found = _read(path, kind, sampler)
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file or folder") from error
    except OSError as error:
        raise DatasetError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    if not rows:
        raise DatasetError(f"{path}: no rows; profiling needs at least one request body")
    warnings = tuple(_warnings(len(rows), sampler.left_out, found if kind is None else None))
    return Dataset(path, tuple(row.typed(content_type) for row in rows), warnings)


def _warnings(taken: int, left_out: int, recognised: Format | None) -> Iterator[str]:
    if left_out:
        yield f"{taken} of {taken + left_out} rows were taken, spread evenly over the sizes of the bodies"
    if recognised in ("collected", "sagemaker"):
        yield f"read as recorded requests (--format {recognised}); --format folder or lines sends them as they are"
    if recognised == "envelope":
        yield "every line is an object with a body: read as envelopes (--format lines sends them as they are)"


def parse_format(text: str | None) -> Format | None:
    """The value of a flag; raises UsageError that names what there is."""
    found = next((name for name in FORMATS if name == text), None)
    if text is not None and found is None:
        raise UsageError(f"--format {text!r}: no such format", remedy=", ".join(FORMATS))
    return found


def _read(path: Path, asked: Format | None, sampler: Sampler) -> tuple[list[Row], Format]:
    kind = asked or _kind_of(path)
    if kind in _BY_PATH:
        if path == STDIN:
            remedy = "give a path, or --format lines, csv or envelope"
            raise DatasetError(f"stdin cannot be read as {kind}", remedy=remedy)
        return _BY_PATH[kind](path, sampler), kind
    with _open_text(path) as file:
        name = "stdin" if path == STDIN else str(path)
        if asked is None and kind == "lines" and looks_like_envelopes(read_lines(name, _lines(file))):
            kind = "envelope"
        return sampler.sample(lambda: _read_text(name, _lines(file), kind)), kind


@contextlib.contextmanager
def _open_text(path: Path) -> Iterator[IO[bytes]]:
    """A file that can be read more than once: what comes through a pipe is copied into one that has no name."""
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = sys.stdin.buffer if path == STDIN else stack.enter_context(path.open("rb"))
        if path == STDIN or not file.seekable():
            copy = stack.enter_context(TemporaryFile())
            shutil.copyfileobj(file, copy)
            file = copy
        yield file


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """From the beginning, each with the LF that ends it."""
    file.seek(0)
    # Not `yield from`: whoever stops early would close the file.
    for line in file:  # noqa: UP028
        yield line


def _read_text(name: str, lines: Iterator[bytes], kind: Format) -> Iterator[Row]:
    if kind == "csv":
        return read_csv(name, lines)
    rows = read_lines(name, lines)
    return read_envelopes(name, rows) if kind == "envelope" else rows


def _kind_of(path: Path) -> Format:
    if path == STDIN:
        return "lines"
    if path.is_dir() or path.suffix.lower() == ".jsonl":
        found = recorded_format(path)
        if found is not None:
            return "collected" if found == "collected" else "sagemaker"
    if path.is_dir():
        return "folder"
    kind = _BY_SUFFIX.get(path.suffix.lower())
    if kind is None and path.exists():
        remedy = "use .txt, .jsonl, .csv, .parquet, .zip or a folder of files, or say which it is with --format"
        raise DatasetError(f"{path}: unknown kind of dataset", remedy=remedy)
    return kind or "lines"


def _is_header_value(text: str) -> bool:
    return bool(text.strip()) and text.isascii() and text.isprintable()
