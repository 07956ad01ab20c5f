"""Tensors as inference-schema's decorators describe the parameters of run(): in the words of Swagger 2."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from plimsoll.contracts.v2.named import ONLY
from plimsoll.entry.tensors.arrays import BadTensor
from plimsoll.entry.tensors.declared import ANY_SIZE, Tensor

_FORMATS = {"int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "float": "FP32", "double": "FP64"}
_TYPES = {"integer": "INT64", "number": "FP64", "boolean": "BOOL", "string": "BYTES"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """`depth`: of lists in lists, 0 for a single value. `is_object`: of JSON, each an element of BYTES."""

    tensor: Tensor
    depth: int
    is_object: bool

    def value_of(self, listed: Any) -> Any:
        """What the decorators convert, of the nested lists of a tensor. Raises BadTensor."""
        try:
            value = _parsed(listed) if self.is_object else listed
        except ValueError:
            raise BadTensor(f"The tensor {self.tensor.name!r} must have elements that are JSON.") from None
        if self.depth:
            return value
        if not isinstance(value, list) or len(value) != 1:
            raise BadTensor(f"The tensor {self.tensor.name!r} must have the shape [1]: it is a single value.")
        return value[0]


def inputs(document: Any) -> list[Parameter]:
    return [_parameter(name, one) for name, one in _properties(document).items()]


def outputs(document: Any) -> list[Tensor]:
    if not isinstance(document, dict) or not document:
        return []
    found = _properties(document) or {ONLY: document}
    return [_parameter(name, one).tensor for name, one in found.items()]


def _properties(document: Any) -> dict[str, Any]:
    found = document.get("properties") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _parameter(name: str, described: dict[str, Any]) -> Parameter:
    depth = 0
    while described.get("type") == "array" and isinstance(described.get("items"), dict):
        described, depth = described["items"], depth + 1
    datatype = _FORMATS.get(described.get("format", "")) or _TYPES.get(described.get("type", ""), "BYTES")
    return Parameter(Tensor(name, datatype, [ANY_SIZE] * max(depth, 1)), depth, described.get("type") == "object")


def _parsed(value: Any) -> Any:
    return [_parsed(one) for one in value] if isinstance(value, list) else json.loads(value)
