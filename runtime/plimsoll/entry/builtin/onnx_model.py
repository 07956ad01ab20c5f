"""Serves the ONNX model in AZUREML_MODEL_DIR, whatever its inputs and outputs are."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from plimsoll.backends import onnx
from plimsoll.entry import Request, rawhttp
from plimsoll.entry.builtin.exchange import BadInput, Input, model_dir, serve, serve_tensors, tensors_of
from plimsoll.entry.tensors.model import Model, Tensors

session: onnxruntime.InferenceSession
inputs: list[Input]

_NUMPY_NAMES = {"float": "float32", "double": "float64", "float16": "float16", "bool": "bool", "string": "object"}


def init() -> None:
    global session, inputs
    session = onnx.load(model_dir())
    inputs = [Input(one.name, dtype_of(one.type), shape_of(one.shape)) for one in session.get_inputs()]


@rawhttp
def run(request: Request | Tensors) -> Any:
    if isinstance(request, Tensors):
        return serve_tensors(request, inputs, predict)
    return serve(request, inputs, predict)


def served() -> Model:
    """What the model takes and gives; outputs that are no tensors (sequences, maps) are left out."""
    plain = [one for one in session.get_outputs() if one.type.startswith("tensor(")]
    outputs = [Input(one.name, dtype_of(one.type), shape_of(one.shape)) for one in plain]
    return Model("onnxruntime_onnx", tensors_of(inputs), tensors_of(outputs))


def predict(values: dict[str, Any]) -> dict[str, Any]:
    must_agree(values)
    names = [one.name for one in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, values), strict=True))
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
        raise BadInput("The model does not take arrays of these shapes together.") from None


def must_agree(values: dict[str, Any]) -> None:
    """Dimensions of one name have one size; ONNX Runtime would find out half way through."""
    sizes: dict[str, int] = {}
    for one in session.get_inputs():
        for dimension, size in zip(one.shape, values[one.name].shape, strict=False):
            if isinstance(dimension, str) and sizes.setdefault(dimension, size) != size:
                raise BadInput(f"The inputs differ in the size of {dimension!r}: {sizes[dimension]} and {size}.")


def dtype_of(onnx_type: str) -> np.dtype[Any]:
    """``tensor(float)`` and the like; integers have NumPy's names."""
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    return np.dtype(_NUMPY_NAMES.get(name, name))


def shape_of(sizes: list[int | str | None]) -> tuple[int | None, ...] | None:
    # An empty list is a single number or a shape that the model does not tell.
    return tuple(size if isinstance(size, int) else None for size in sizes) or None
