"""NumPy arrays of what clients send for a tensor: nested or flat lists of JSON, or bytes as they lie in memory.

Sizes are compared before anything is allocated; every array is the caller's own, and may be written to.
"""

from __future__ import annotations

import math
import struct
from array import array as packed
from collections.abc import Sequence
from typing import Any

import numpy as np

from plimsoll.entry.tensors.declared import NUMPY_NAMES, Tensor

_LENGTH = struct.Struct("<I")
_DIMENSIONS_MAX = 64
_SIZE_MAX = 2**63 - 1
_ALLOWED: dict[str, frozenset[type]] = {
    "b": frozenset({bool, int}),
    "i": frozenset({int, bool, float}),
    "u": frozenset({int, bool, float}),
    "f": frozenset({float, int, bool, type(None)}),
    "O": frozenset({str}),
}
_CODES = {"i": "q", "u": "q", "f": "d"}
"""Types of Python's array, which takes bool for a number, and neither text nor a fraction for a whole one."""
_DATATYPES = {np.dtype(name): datatype for datatype, name in NUMPY_NAMES.items()}


class BadTensor(Exception):
    """A client's tensor is not what its head or the model says; the message names it and is for the client."""


def datatype_of(dtype: np.dtype[Any]) -> str | None:
    """None where the protocol has no name for it."""
    if dtype.kind in "SU":
        return "BYTES"
    return _DATATYPES.get(dtype.newbyteorder("="))


def from_json(name: str, datatype: str, shape: Sequence[int], data: Any) -> Any:
    count = element_count(name, shape)
    numbers = _numbers(datatype, data)
    values = _flat(name, data) if numbers is None else numbers
    if len(values) != count:
        raise BadTensor(f"{_called(name)} has {len(values)} values, its shape {list(shape)} takes {count}.")
    found = _converted(name, datatype, values) if numbers is None else _fitted(name, datatype, numbers)
    if found.dtype.kind == "f" and np.isinf(found).any():  # JSON has no infinity: it was a number like 1e999
        raise BadTensor(_cannot_hold(name, datatype))
    return shaped(name, found, shape)


def from_lists(wanted: Tensor, data: Any) -> Any:
    """Where nobody says a shape but the lists themselves."""
    values = _values(wanted.name, data)
    if not wanted.fits(values.shape):
        raise BadTensor(f"{_called(wanted.name)} must have the shape {_shape(wanted)}, not {list(values.shape)}.")
    return _converted(wanted.name, wanted.datatype, values.ravel().tolist()).reshape(values.shape)


def from_bytes(name: str, datatype: str, shape: Sequence[int], data: memoryview) -> Any:
    """Little-endian, in rows; elements of BYTES each after its length in 4 bytes."""
    count = element_count(name, shape)
    if datatype == "BYTES":
        return shaped(name, _elements(name, data, count), shape)
    dtype = np.dtype(NUMPY_NAMES[datatype]).newbyteorder("<")
    if len(data) != count * dtype.itemsize:
        takes = f"its shape {list(shape)} takes {count * dtype.itemsize} of {datatype}"
        raise BadTensor(f"{_called(name)} has {len(data)} bytes, {takes}.")
    if dtype.kind == "b":
        return shaped(name, np.frombuffer(data, np.uint8) != 0, shape)
    return shaped(name, np.frombuffer(data, dtype).copy(), shape)


def cast(array: Any, dtype: np.dtype[Any]) -> Any:
    """Raises ValueError for numbers that `dtype` cannot hold: NumPy wraps them, or makes infinities of them."""
    if array.dtype == dtype:
        return array
    with np.errstate(over="ignore"):
        found = array.astype(dtype, copy=False)
    lost = found != array if dtype.kind in "iu" else np.isinf(found) != np.isinf(array) if dtype.kind == "f" else False
    if np.any(lost):
        raise ValueError
    return found


def check_datatype(wanted: Tensor, name: str, datatype: str) -> None:
    if datatype != wanted.datatype:
        raise BadTensor(f"{_called(name)} has the datatype {datatype}, the model takes {wanted.datatype}.")


def check_shape(wanted: Tensor, name: str, shape: Sequence[int]) -> None:
    if not wanted.fits(shape):
        raise BadTensor(f"{_called(name)} has the shape {list(shape)}, the model takes {_shape(wanted)}.")


def element_count(name: str, shape: Sequence[int]) -> int:
    if len(shape) > _DIMENSIONS_MAX or any(size > _SIZE_MAX for size in shape):
        raise BadTensor(f"{_called(name)} has a shape that no array can have.")
    if any(size < 0 for size in shape):
        raise BadTensor(f"{_called(name)} has a negative size in its shape.")
    return math.prod(shape)


def shaped(name: str, values: Any, shape: Sequence[int]) -> Any:
    try:
        return values.reshape(shape)
    except (ValueError, OverflowError):  # sizes beside a 0
        raise BadTensor(f"{_called(name)} has a shape that no array can have.") from None


def _numbers(datatype: str, data: Any) -> Any:
    """Of a flat list of numbers, in half the time that looking at every type takes; None where it is no such list."""
    code = _CODES.get(np.dtype(NUMPY_NAMES[datatype]).kind)
    if code is None or datatype == "UINT64" or type(data) is not list:
        return None
    try:
        return np.asarray(packed(code, data))
    except (TypeError, OverflowError):
        return None


def _flat(name: str, data: Any) -> list[Any]:
    """Most clients send no lists in lists: then it is the list itself."""
    if isinstance(data, list) and list not in set(map(type, data)):
        return data
    flat: list[Any] = _values(name, data).ravel().tolist()
    return flat


def _values(name: str, data: Any) -> Any:
    """Python's objects: an array of a type of its own would make texts as long as the longest one."""
    try:
        return np.array(data, object)
    except ValueError:
        raise BadTensor(f"{_called(name)} must have rows of one length.") from None


def _converted(name: str, datatype: str, values: list[Any]) -> Any:
    dtype = np.dtype(NUMPY_NAMES[datatype])
    kinds = set(map(type, values))
    if wrong := kinds - _ALLOWED[dtype.kind]:
        found = ", ".join(sorted(_JSON_NAMES.get(kind, kind.__name__) for kind in wrong))
        raise BadTensor(f"{_called(name)} must have values of {datatype}, and has {found}.")
    if dtype.hasobject:
        return _utf8(name, values)
    try:
        _must_be_exact(dtype, kinds, values)
        return _fitted(name, datatype, _widest(dtype, values))
    except (ValueError, OverflowError):
        raise BadTensor(_cannot_hold(name, datatype)) from None


def _fitted(name: str, datatype: str, numbers: Any) -> Any:
    try:
        return cast(numbers, np.dtype(NUMPY_NAMES[datatype]))
    except ValueError:
        raise BadTensor(_cannot_hold(name, datatype)) from None


def _widest(dtype: np.dtype[Any], values: list[Any]) -> Any:
    """Before its version 2, NumPy wrapped whole numbers that a narrow type cannot hold."""
    if dtype == np.uint64:
        if min(values, default=0) < 0:
            raise ValueError
        return np.array(values, dtype)
    return np.array(values, {"i": np.int64, "u": np.int64, "f": np.float64}.get(dtype.kind, dtype))


_JSON_NAMES = {str: "texts", dict: "objects", list: "lists of other lengths", type(None): "null", float: "fractions"}


def _must_be_exact(dtype: np.dtype[Any], kinds: set[type], values: list[Any]) -> None:
    """Fractions are not cut off for whole numbers, nor numbers taken for truth."""
    if dtype.kind in "iu" and float in kinds and any(type(one) is float and not one.is_integer() for one in values):
        raise ValueError
    if dtype.kind == "b" and int in kinds and any(one not in (0, 1) for one in values):
        raise ValueError


def _utf8(name: str, values: list[Any]) -> Any:
    try:
        return _objects([text.encode() for text in values])
    except UnicodeEncodeError:
        raise BadTensor(f"{_called(name)} has text that is no Unicode.") from None


def _elements(name: str, data: memoryview, count: int) -> Any:
    """Never more of them than `data` can hold."""
    found: list[bytes] = []
    at, end = 0, len(data)
    while at + _LENGTH.size <= end and len(found) < count:
        length = _LENGTH.unpack_from(data, at)[0]
        at += _LENGTH.size + length
        found.append(bytes(data[at - length : at]))
    if at != end or len(found) != count:
        raise BadTensor(f"{_called(name)} must be {count} elements in {end} bytes, each after its length in 4 bytes.")
    return _objects(found)


def _objects(items: list[bytes]) -> Any:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def _cannot_hold(name: str, datatype: str) -> str:
    return f"{_called(name)} has values that {datatype} cannot hold."


def _called(name: str) -> str:
    return f"The tensor {name!r}"


def _shape(wanted: Tensor) -> str:
    return str(list(wanted.shape))
