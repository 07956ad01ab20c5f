"""From arrays to an inference response: JSON, and behind it the bytes of the outputs that are wanted as such."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from plimsoll.contracts.v2.refusals import JSON_TYPE, Refusal
from plimsoll.contracts.v2.request import HEADER_LENGTH, InferRequest
from plimsoll.entry.call import Answer
from plimsoll.entry.tensors.arrays import datatype_of
from plimsoll.entry.tensors.lists import Lists

_BYTES_TYPE = "application/octet-stream"


def answer(request: InferRequest, outputs: Mapping[str, Any], run_s: float) -> Answer:
    """Raises Refusal for an output that there is not, ValueError or TypeError for one that cannot be sent."""
    wanted = request.outputs or dict.fromkeys(outputs, request.binary)
    chunks: list[Any] = []
    described = [_described(name, _array(outputs, name), wanted[name], chunks) for name in wanted]
    content = {"model_name": request.model, "model_version": request.version, "id": request.id}
    content = {key: value for key, value in content.items() if value is not None}
    head = json.dumps(content | {"outputs": described}, allow_nan=False).encode()
    if not any(wanted.values()):
        return Answer(200, [("content-type", JSON_TYPE)], head, False, run_s)
    headers = [("content-type", _BYTES_TYPE), (HEADER_LENGTH, str(len(head)))]
    return Answer(200, headers, b"".join([head, *chunks]), False, run_s)


def array_of(value: Any) -> Any:
    """Texts as objects: an array of their own type would give each the room of the longest."""
    if isinstance(value, np.ndarray) and value.dtype.kind not in "SU":
        return value
    if isinstance(value, str | bytes):
        return _filled(np.empty((), object), value)
    if isinstance(_first(value), str | bytes):
        array = np.array(value, object)
    else:
        array = Lists().array(value) if isinstance(value, list) else np.asarray(value)
    return array.astype(object) if array.dtype.kind in "SU" else array


def _first(value: Any) -> Any:
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value


def _array(outputs: Mapping[str, Any], name: str) -> Any:
    if name not in outputs:
        raise Refusal(f"There is no output {name!r}: the model has {', '.join(map(repr, outputs))}.")
    return outputs[name]


def _described(name: str, array: Any, binary: bool, chunks: list[Any]) -> dict[str, Any]:
    datatype = datatype_of(array.dtype)
    if datatype is None:
        raise TypeError(f"the output {name!r} is an array of {array.dtype}, which no tensor can be")
    said = {"name": name, "datatype": datatype, "shape": list(array.shape)}
    if not binary:
        return said | {"data": _values(name, array)}
    chunk = _bytes(array)
    chunks.append(chunk)
    return said | {"parameters": {"binary_data_size": len(chunk)}}


def _bytes(array: Any) -> memoryview | bytes:
    if array.dtype.hasobject:
        return b"".join(struct.pack("<I", len(one)) + one for one in map(_encoded, array.flat))
    flat = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1)
    return flat.view(np.uint8).data if flat.size else b""


def _values(name: str, array: Any) -> list[Any]:
    """JSON knows neither NaN nor infinity: null, as MLServer."""
    if array.dtype.hasobject:
        try:
            return [_encoded(one).decode() for one in array.flat]
        except UnicodeDecodeError:
            message = f"The output {name!r} has bytes that are no UTF-8: ask for it with the parameter binary_data."
            raise Refusal(message) from None
    values: list[Any] = array.ravel().tolist()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return [value if np.isfinite(value) else None for value in values]
    return values


def _encoded(one: Any) -> bytes:
    if isinstance(one, str):
        return one.encode()
    if not isinstance(one, bytes):
        raise TypeError(f"an array of objects has {type(one).__name__}, not texts")
    return one


def _filled(array: Any, value: Any) -> Any:
    array[...] = value
    return array
