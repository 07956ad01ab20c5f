"""Bodies to NumPy, as SageMaker's toolkit does it where a script has no input_fn().

Except that nothing is unpickled: a request that can bring objects can run any code.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from plimsoll.entry.tensors.lists import Lists
from plimsoll.entry.toolkit import content_types
from plimsoll.entry.toolkit.errors import UnsupportedFormatError

_Body = str | bytes | bytearray
MOST_UNPACKED_BYTES = 2**30
_FALSE = 5
"""Characters of what NumPy writes into a column that is empty, where all the others are texts."""


def decode(obj: _Body, content_type: str | None) -> Any:
    """Raises UnsupportedFormatError, and whatever NumPy and SciPy make of a broken body."""
    decoder = _DECODERS.get(content_type or "")
    if decoder is None:
        raise UnsupportedFormatError(content_type)
    return decoder(obj)


def _from_json(body: Any) -> Any:
    return Lists().array(json.loads(body))


def _from_csv(body: Any) -> Any:
    """Each column gets the type of what it holds."""
    text = body if isinstance(body, str) else bytes(body).decode()
    if not Lists().may_take(_room(text), len(text)):
        raise ValueError("one text of the CSV is many times as long as the others")
    return np.genfromtxt(io.StringIO(text), dtype=None, delimiter=",")


def _room(text: str) -> int:
    """Bytes of the array, where it is one of texts. Lines and cells are as NumPy sees them.

    Each row has the room of a column's longest text; where all columns are texts, each cell that of the longest of all.
    """
    lines = (line.partition("#")[0].strip(" \r\n") for line in text.split("\n"))
    rows = [line.split(",") for line in lines if line]
    if len(set(map(len, rows))) != 1:
        return 0  # NumPy refuses those before it makes an array
    widths = [max(map(len, column)) or _FALSE for column in zip(*rows, strict=True)]
    is_mixed = any(map(_is_numeric, zip(*rows, strict=True)))
    return 4 * len(rows) * (sum(widths) if is_mixed else len(widths) * max(widths))


def _is_numeric(column: Iterable[str]) -> bool:
    """An empty cell is a missing number; where all are, it is a column of no type."""
    try:
        return [float(cell) for cell in column if cell.strip()] != []
    except ValueError:
        return False


def _from_npy(body: Any) -> Any:
    return np.load(io.BytesIO(body), allow_pickle=False)


def _from_npz(body: Any) -> Any:
    """A sparse matrix of SciPy's."""
    _check_unpacked(body)
    from scipy.sparse import load_npz  # type: ignore[import-untyped,unused-ignore]

    return load_npz(io.BytesIO(body))


def _check_unpacked(body: Any) -> None:
    """Zeros can be packed a thousandfold. Of what is no archive at all NumPy says more."""
    with suppress(BadZipFile), ZipFile(io.BytesIO(body)) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > MOST_UNPACKED_BYTES:
            raise ValueError(f"the archive unpacks to {size} bytes, more than {MOST_UNPACKED_BYTES}")


_DECODERS: dict[str, Callable[[Any], Any]] = {
    content_types.NPY: _from_npy,
    content_types.CSV: _from_csv,
    content_types.JSON: _from_json,
    content_types.NPZ: _from_npz,
}
