"""Tensors as inference-schema's decorators describe the parameters of run(): in the words of Swagger 2."""

from __future__ import annotations

from typing import Any

from plimsoll.contracts.v2.named import ONLY
from plimsoll.entry.tensors.declared import ANY_SIZE, Tensor

_FORMATS = {"int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "float": "FP32", "double": "FP64"}
_TYPES = {"integer": "INT64", "number": "FP64", "boolean": "BOOL", "string": "BYTES"}


def inputs(document: Any) -> list[Tensor]:
    return [_tensor(name, one) for name, one in _properties(document).items()]


def outputs(document: Any) -> list[Tensor]:
    if not isinstance(document, dict) or not document:
        return []
    found = _properties(document)
    return [_tensor(name, one) for name, one in found.items()] if found else [_tensor(ONLY, document)]


def _properties(document: Any) -> dict[str, Any]:
    found = document.get("properties") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _tensor(name: str, described: dict[str, Any]) -> Tensor:
    """BYTES for an object: its JSON. A parameter that is no list is a list of one."""
    depth = 0
    while described.get("type") == "array" and isinstance(described.get("items"), dict):
        described, depth = described["items"], depth + 1
    datatype = _FORMATS.get(described.get("format", "")) or _TYPES.get(described.get("type", ""), "BYTES")
    return Tensor(name, datatype, [ANY_SIZE] * max(depth, 1))
