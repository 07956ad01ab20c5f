"""Predictions to bodies, as SageMaker's toolkit does it where a script has no output_fn()."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from plimsoll.entry.toolkit import content_types
from plimsoll.entry.toolkit.errors import UnsupportedFormatError


def encode(array_like: Any, content_type: str) -> str | bytes:
    """Raises UnsupportedFormatError, and TypeError or ValueError for what the content type cannot hold."""
    encoder = _ENCODERS.get(content_type)
    if encoder is None:
        raise UnsupportedFormatError(content_type)
    return encoder(array_like)


def _to_json(value: Any) -> str:
    return json.dumps(value, default=_listed)


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _to_npy(value: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value)
    return buffer.getvalue()


def _to_csv(value: Any) -> str:
    text = io.StringIO()
    np.savetxt(text, value, delimiter=",", fmt="%s")
    return text.getvalue()


_ENCODERS: dict[str, Callable[[Any], str | bytes]] = {
    content_types.NPY: _to_npy,
    content_types.CSV: _to_csv,
    content_types.JSON: _to_json,
}
SUPPORTED_CONTENT_TYPES = frozenset(_ENCODERS)
