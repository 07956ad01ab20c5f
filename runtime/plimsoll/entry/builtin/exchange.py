"""What the built-in entry scripts take and give: JSON, or arrays in NumPy's file formats.

A request is ``{"input name": nested list, ...}``, or ``{"data": nested list}`` for a model with one input, or with
the content type ``application/octet-stream`` the bytes of a .npz file (.npy for one input). The answer is JSON,
or a .npz file where the request accepts ``application/octet-stream``.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from plimsoll.entry.http.request import Request
from plimsoll.entry.http.response import Response
from plimsoll.entry.tensors.arrays import datatype_of
from plimsoll.entry.tensors.declared import ANY_SIZE, Tensor
from plimsoll.entry.tensors.lists import Lists
from plimsoll.entry.tensors.model import Tensors, Unfit
from plimsoll.errors import EntryError

BYTES = "application/octet-stream"
_ANY_INPUT = "data"
_UNPACKED_BYTES_MAX = 256 * 1024 * 1024
_NPY, _NPZ = b"\x93NUMPY", b"PK"
_NPY_HEAD_BYTES = 64 * 1024
"""NumPy itself reads no header of more than 10,000 bytes."""
_NPY_HEADS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class BadInput(Exception):
    """The request is not what the model takes; the message is the client's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True, frozen=True)
class Input:
    """`dtype` None takes anything; None in `shape` any size, `shape` None any number of dimensions."""

    name: str
    dtype: np.dtype[Any] | None = None
    shape: tuple[int | None, ...] | None = None

    def described(self) -> dict[str, Any]:
        dtype = None if self.dtype is None else "string" if self.dtype.hasobject else self.dtype.name
        return {"name": self.name, "type": dtype, "shape": self.shape and list(self.shape)}

    def tensor(self) -> Tensor | None:
        """None for a type that tensors of the Open Inference Protocol cannot have."""
        datatype = None if self.dtype is None else datatype_of(self.dtype)
        sizes = [ANY_SIZE if size is None else size for size in self.shape or ()]
        return None if datatype is None else Tensor(self.name, datatype, sizes)


def tensors_of(found: Sequence[Input]) -> list[Tensor]:
    described = [one.tensor() for one in found]
    return [one for one in described if one is not None]


Predict = Callable[[dict[str, Any]], Mapping[str, Any]]


def model_dir() -> str:
    folder = os.environ.get("AZUREML_MODEL_DIR")
    if not folder:
        raise EntryError("there is no model directory", remedy="give --model-dir")
    return folder


def serve(request: Request, inputs: Sequence[Input], predict: Predict, read: Callable[..., Any] | None = None) -> Any:
    """POST predicts, GET says what the model takes. `read` may take over the reading of the body."""
    if request.method == "OPTIONS":
        return Response("", headers={"Allow": "GET, POST, OPTIONS"})
    if request.method != "POST":
        return {"inputs": [one.described() for one in inputs]}
    try:
        values = (read or values_of)(request, inputs)
        outputs = predict({one.name: tensor(values[one.name], one) for one in inputs})
        return _packed(outputs) if BYTES in request.accept_mimetypes.values() else dict(outputs)
    except BadInput as refusal:
        return Response(json.dumps({"message": str(refusal)}), refusal.status, mimetype="application/json")


def serve_tensors(tensors: Tensors, inputs: Sequence[Input], predict: Predict) -> dict[str, Any] | Unfit:
    """The same for tensors by name, which contracts other than Azure ML's give."""
    try:
        return dict(predict({one.name: tensor(tensors[one.name], one) for one in inputs}))
    except BadInput as refusal:
        return Unfit(str(refusal), refusal.status)


def values_of(request: Request, inputs: Sequence[Input]) -> dict[str, Any]:
    names = [one.name for one in inputs]
    if request.mimetype == BYTES:
        values = _unpacked(request.stream.getbuffer(), names)  # type: ignore[attr-defined]  # a BytesIO, or like one
    else:
        values = _parsed(request.get_data(), names)
    if len(names) == 1 and set(values) == {_ANY_INPUT}:
        values = {names[0]: values[_ANY_INPUT]}
    known = f"the model takes {', '.join(map(repr, names))}"
    if unknown := [name for name in values if name not in names]:
        raise BadInput(f"There is no input {unknown[0]!r}: {known}.")
    if missing := [name for name in names if name not in values]:
        raise BadInput(f"The input {missing[0]!r} is missing: {known}.")
    return values


def tensor(value: Any, wanted: Input) -> Any:
    if wanted.dtype is None:
        return _writable(value)
    try:
        array = _cast(_array(value, wanted.dtype), wanted.dtype)
    except (ValueError, TypeError, ArithmeticError):
        kind = wanted.described()["type"]
        raise BadInput(f"The input {wanted.name!r} must be an array of {kind}, all its rows of one length.") from None
    if not _fits(array.shape, wanted.shape):
        shape = ["any" if size is None else size for size in wanted.shape or ()]
        raise BadInput(f"The input {wanted.name!r} must have the shape {shape}, not {list(array.shape)}.")
    return array


def _writable(value: Any) -> Any:
    """Estimators of scikit-learn may refuse arrays that they cannot write to."""
    return value.copy() if isinstance(value, np.ndarray) and not value.flags.writeable else value


def is_numpy_file(body: bytes) -> bool:
    return body.startswith((_NPY, _NPZ))


def _parsed(body: bytes, names: Sequence[str]) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as failure:
        raise BadInput(f"The body could not be decoded as JSON: {failure}") from None
    if not isinstance(values, dict):
        raise BadInput(f'The body must be a JSON object: {{"{names[0]}": [...]}}')
    return values


def _unpacked(body: memoryview, names: Sequence[str]) -> dict[str, Any]:
    try:
        if body[: len(_NPZ)] == _NPZ:
            return _from_npz(body)
        return {_ANY_INPUT if len(names) == 1 else names[0]: _from_npy(body)}
    except BadInput:
        raise
    except Exception:  # bytes from anywhere: what NumPy and zipfile raise for them has no end
        raise BadInput(f"The body must be a .npy or .npz file for the content type {BYTES}.") from None


def _from_npy(body: memoryview) -> Any:
    """The array where it lies, not to be written to: `np.load` would copy it, in pieces."""
    file = BytesIO(body[:_NPY_HEAD_BYTES])
    version = np.lib.format.read_magic(file)
    if version not in _NPY_HEADS:
        return np.load(BytesIO(body), allow_pickle=False)
    shape, fortran, dtype = _NPY_HEADS[version](file)
    if dtype.hasobject or any(size < 0 for size in shape):
        raise ValueError
    count = math.prod(shape)
    flat = np.frombuffer(body, dtype, count, file.tell()) if count * dtype.itemsize else np.zeros(count, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _from_npz(body: memoryview) -> dict[str, Any]:
    with zipfile.ZipFile(BytesIO(body)) as packed:
        if sum(member.file_size for member in packed.infolist()) > _UNPACKED_BYTES_MAX:
            raise BadInput(f"The arrays take more than {_UNPACKED_BYTES_MAX >> 20} MiB unpacked.", 413)
    with np.load(BytesIO(body), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _array(value: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.hasobject or isinstance(value, np.ndarray):
        return np.asarray(value, object if dtype.hasobject else None)
    return Lists().array(value)


def _cast(array: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.hasobject:
        return _text(array.astype(object))
    if dtype.kind in "iu" and array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise OverflowError
        return array.astype(dtype, copy=False)
    # Fractions are not cut off for a model of whole numbers. An empty list has no type of its own.
    with np.errstate(over="raise"):
        return array.astype(dtype, casting="same_kind" if array.size else "unsafe", copy=False)


def _text(array: Any) -> Any:
    # Models would take anything else by what Python prints for it.
    if not all(isinstance(item, (str, bytes)) for item in array.flat):
        raise TypeError
    return array


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...] | None) -> bool:
    if wanted is None:
        return True
    return len(shape) == len(wanted) and all(
        there == size or size is None for there, size in zip(shape, wanted, strict=True)
    )


def _packed(outputs: Mapping[str, Any]) -> Response:
    """Written by hand: `np.savez` takes names as keyword arguments, and a model may call its output "file"."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, value in outputs.items():
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise BadInput(f"The output {name!r} holds text or lists and has no binary form; accept JSON.", 406)
            with packed.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return Response(buffer.getvalue(), mimetype=BYTES)
