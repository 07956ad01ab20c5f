"""Bodies to NumPy, as SageMaker's toolkit does it where a script has no input_fn().

Except that nothing is unpickled: a request that can bring objects can run any code.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from plimsoll.entry.tensors.lists import Lists
from plimsoll.entry.toolkit import content_types
from plimsoll.entry.toolkit.errors import UnsupportedFormatError

_Body = str | bytes | bytearray
MOST_UNPACKED_BYTES = 2**30


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
    lines = text.splitlines()
    if not Lists().fits(lines):  # a column of texts has the room of its longest, and that is no longer than a line
        raise ValueError("one line of the CSV is many times as long as the others")
    return np.genfromtxt(io.StringIO(text), dtype=None, delimiter=",")


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
