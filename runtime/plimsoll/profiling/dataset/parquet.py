"""Parquet files with one column of strings or bytes. pyarrow is an extra: only this reader needs it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.formats import BINARY_TYPE, Body


def read_parquet(path: Path) -> list[Body]:
    """The number is the place of the row, counted from 1; nulls and empty strings are dropped but counted."""
    table = _table(path)
    if len(table.column_names) != 1:
        raise DatasetError(f"{path}: {len(table.column_names)} columns; a Parquet dataset has exactly one")
    values = table.column(0).to_pylist()
    return [_body(path, number, value) for number, value in enumerate(values, 1) if value not in (None, "", b"")]


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


def _body(path: Path, number: int, value: Any) -> Body:
    if isinstance(value, bytes):
        return Body(number, value, BINARY_TYPE)
    if isinstance(value, str):
        return Body(number, value.encode())
    raise DatasetError(f"{path}, row {number}: {type(value).__name__}, neither a string nor bytes")
