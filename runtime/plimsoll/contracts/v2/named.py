"""What run() returned, as arrays by the names of outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plimsoll.contracts.v2.answers import array_of
from plimsoll.contracts.v2.refusals import Refusal
from plimsoll.entry.outputs.results import json_of
from plimsoll.entry.tensors.arrays import cast
from plimsoll.entry.tensors.declared import NUMPY_NAMES, Tensor

ONLY = "output"
"""The name of an output that nobody has named."""


def of_declared(result: Any, outputs: Sequence[Tensor]) -> dict[str, Any]:
    """Raises ValueError or TypeError where the result is not what was declared, or no array."""
    named = _by_name(result, [one.name for one in outputs])
    wanted = {one.name: one for one in outputs}
    return {name: _cast(array_of(value), wanted.get(name)) for name, value in named.items()}


def of_anything(result: Any) -> dict[str, Any]:
    """For a run() that says nothing of tensors: a tensor for each key of an object, of the type of its values.

    What is no array of numbers, truth or texts becomes one element of BYTES: the JSON that Azure ML's clients get.
    """
    if isinstance(result, Mapping):
        return {str(name): _loose(value) for name, value in result.items()}
    return {ONLY: _loose(result)}


def _by_name(result: Any, names: Sequence[str]) -> dict[str, Any]:
    if isinstance(result, Mapping):
        return {str(name): value for name, value in result.items()}
    if isinstance(result, tuple):
        if names and len(names) != len(result):
            raise ValueError(f"run() returned {len(result)} arrays, its @signature has {len(names)} outputs")
        return dict(zip(names or (f"{ONLY}_{number}" for number in range(len(result))), result, strict=False))
    if len(names) > 1:
        raise ValueError(f"run() returned one {type(result).__name__}, its @signature has {len(names)} outputs")
    return {names[0] if names else ONLY: result}


def _cast(array: Any, wanted: Tensor | None) -> Any:
    """A float64 for a declared FP32 is fine, a fraction for a whole number is not, nor a number that does not fit."""
    if wanted is None:
        return array
    dtype = np.dtype(NUMPY_NAMES[wanted.datatype])
    if not _is_kin(array, dtype):
        raise TypeError(f"the output {wanted.name!r} is an array of {array.dtype}, not of {wanted.datatype}")
    try:
        return cast(array, dtype)
    except ValueError:
        raise Refusal(f"The output {wanted.name!r} has values that {wanted.datatype} cannot hold.", 500) from None


def _is_kin(array: Any, dtype: np.dtype[Any]) -> bool:
    """Of a list of whole numbers NumPy makes an array of INT64, whatever they are for, and of an empty one FP64."""
    if dtype.hasobject or array.dtype.hasobject:
        return dtype.hasobject and array.dtype.hasobject
    is_whole = dtype.kind == "u" and array.dtype.kind == "i"
    return is_whole or array.size == 0 or np.can_cast(array.dtype, dtype, "same_kind")


def _loose(value: Any) -> Any:
    if isinstance(value, str | bytes):
        return array_of([value])
    try:
        array = array_of(value)
    except ValueError:  # rows of different lengths
        return array_of([json_of(value)])
    if array.dtype.kind in "biuf" or (array.dtype.hasobject and _has_texts(value, array)):
        return array.reshape(-1) if array.ndim == 0 else array
    return array_of([json_of(value)])


def _has_texts(value: Any, array: Any) -> bool:
    """Not what NumPy makes of a mixture: 1 beside "a" becomes a text there."""
    if not isinstance(value, np.ndarray):
        array = np.array(value, object)
    return array.size > 0 and all(isinstance(one, str | bytes) for one in array.flat)
