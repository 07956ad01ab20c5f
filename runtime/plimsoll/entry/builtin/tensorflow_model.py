"""Serves the SavedModel in AZUREML_MODEL_DIR by its signature `serving_default`.

Beside JSON and arrays: for a model with one input of strings, a body of any other content type is one string, so
that a picture can be posted as it is. Bytes in JSON are ``{"b64": "..."}``, both ways.
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

# Before the import: TensorFlow's C++ side reads it while it loads.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from plimsoll.backends import tensorflow as backend
from plimsoll.entry import Request, rawhttp
from plimsoll.entry.builtin.exchange import (
    BadInput,
    Input,
    is_numpy_file,
    model_dir,
    serve,
    serve_tensors,
    tensors_of,
    values_of,
)
from plimsoll.entry.tensors.model import Model, Tensors

signature: Any
inputs: list[Input]


def init() -> None:
    global signature, inputs
    # The signature holds no reference to the model, whose variables would go.
    loaded = backend.load(model_dir())
    signature = chosen(loaded)
    signature.plimsoll_keeps = loaded
    specs = signature.structured_input_signature[1]
    inputs = [Input(name, dtype_of(spec), shape_of(spec)) for name, spec in sorted(specs.items())]
    warm_up()


@rawhttp
def run(request: Request | Tensors) -> Any:
    if isinstance(request, Tensors):
        return serve_tensors(request, inputs, computed)
    return serve(request, inputs, predict, read)


def served() -> Model:
    specs = sorted(signature.structured_outputs.items())
    outputs = [Input(name, dtype_of(spec), shape_of(spec)) for name, spec in specs]
    return Model("tensorflow_savedmodel", tensors_of(inputs), tensors_of(outputs))


def read(request: Request, wanted: Sequence[Input]) -> dict[str, Any]:
    body = request.get_data()
    if len(wanted) == 1 and holds_text(wanted[0]) and "json" not in request.mimetype and not is_numpy_file(body):
        return {wanted[0].name: [body]}
    values = values_of(request, wanted)
    return {one.name: as_bytes(values[one.name]) if holds_text(one) else values[one.name] for one in wanted}


def predict(values: dict[str, Any]) -> dict[str, Any]:
    return {name: as_text(value) for name, value in computed(values).items()}


def computed(values: dict[str, Any]) -> dict[str, Any]:
    try:
        outputs = signature(**{name: tf.constant(value) for name, value in values.items()})
    except (tf.errors.InvalidArgumentError, ValueError) as failure:
        print(f"the model refused its input: {failure}", file=sys.stderr)  # noqa: T201
        raise BadInput("The model does not take this input.") from None
    return {name: value.numpy() for name, value in sorted(outputs.items())}


def chosen(loaded: Any) -> Any:
    signatures = dict(loaded.signatures)
    if "serving_default" in signatures:
        return signatures["serving_default"]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    raise ValueError(f"the model has no signature serving_default, only {sorted(signatures)}")


def warm_up() -> None:
    """TensorFlow optimises the graph on the first call, which nobody should have to wait for."""
    if any(holds_text(one) or one.shape is None for one in inputs):
        return
    with suppress(BadInput):
        predict({one.name: np.zeros([size or 1 for size in one.shape or ()], one.dtype) for one in inputs})


def dtype_of(spec: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(spec.dtype.as_numpy_dtype)
    return dtype


def shape_of(spec: Any) -> tuple[int | None, ...] | None:
    return None if spec.shape.rank is None else tuple(spec.shape.as_list())


def holds_text(wanted: Input) -> bool:
    return wanted.dtype is not None and wanted.dtype.hasobject


def as_bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [as_bytes(item) for item in value]
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error as failure:
            raise BadInput(f"A value under b64 is not base64: {failure}") from None
    if isinstance(value, (str, bytes, np.ndarray)):
        return value
    raise BadInput('An input of strings takes text and {"b64": "..."} only.')


def as_text(value: Any) -> Any:
    return _plain(value.tolist()) if value.dtype.hasobject else value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}
