"""Serves the scikit-learn model in AZUREML_MODEL_DIR, any estimator with predict() that joblib saved.

Rows are lists of values, objects with the names of the features, or texts for a model that begins with a
vectorizer. The answer has `predictions`, and `probabilities` where the model gives them. joblib files can run any
code when they are loaded: serve only those that you trust.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import joblib  # type: ignore[import-untyped,unused-ignore]
import numpy as np

from plimsoll.backends.files import single
from plimsoll.entry import Request, rawhttp
from plimsoll.entry.builtin.exchange import BadInput, Input, model_dir, serve, serve_tensors
from plimsoll.entry.tensors.arrays import datatype_of
from plimsoll.entry.tensors.declared import Tensor
from plimsoll.entry.tensors.lists import Lists
from plimsoll.entry.tensors.model import Model, Tensors

model: Any
INPUT = Input("data")


def init() -> None:
    global model
    model = joblib.load(single(model_dir(), "*.joblib"))
    if not hasattr(model, "predict"):
        raise TypeError(f"a {type(model).__name__} has no predict()")


@rawhttp
def run(request: Request | Tensors) -> Any:
    if isinstance(request, Tensors):
        return serve_tensors(request, [INPUT], lambda values: called(values, request.outputs))
    return serve(request, [INPUT], predict)


def served() -> Model:
    """Outputs are named and shaped as MLServer's runtime for scikit-learn does it; rows may come under any name."""
    features = getattr(model, "n_features_in_", None)
    takes = Tensor(INPUT.name, "BYTES", [-1]) if features is None else Tensor(INPUT.name, "FP64", [-1, features])
    return Model("sklearn", [takes], outputs_of(), loose=True, default=["predict"])


def outputs_of() -> list[Tensor]:
    classes = getattr(model, "classes_", None)
    labels = datatype_of(classes.dtype) if isinstance(classes, np.ndarray) else None
    found = [Tensor("predict", labels or "FP64" if classes is None else labels or "BYTES", [-1, -1])]
    if hasattr(model, "predict_proba"):
        found.append(Tensor("predict_proba", "FP64", [-1, -1 if classes is None else len(classes)]))
    if hasattr(model, "transform"):
        found.append(Tensor("transform", "FP64", [-1, -1]))
    return found


def called(values: dict[str, Any], methods: Sequence[str]) -> dict[str, Any]:
    rows = rows_of(values[INPUT.name])
    return {name: column(output) for name, output in outcome(rows, {name: name for name in methods}).items()}


def column(output: Any) -> Any:
    return output[:, np.newaxis] if output.ndim == 1 else output


def predict(values: dict[str, Any]) -> dict[str, Any]:
    wanted = {"predictions": "predict", "probabilities": "predict_proba"}
    there = {name: method for name, method in wanted.items() if hasattr(model, method)}
    return outcome(rows_of(values[INPUT.name]), there)


def outcome(rows: Any, methods: Mapping[str, str]) -> dict[str, Any]:
    """What each method of the model says, by the name of the output."""
    try:
        return {name: np.asarray(getattr(model, method)(rows)) for name, method in methods.items()}
    except (ValueError, TypeError) as failure:
        # Its text may quote the data and the model.
        print(f"the model refused its input: {failure}", file=sys.stderr)  # noqa: T201
        raise BadInput("The model does not take this data.") from None


def rows_of(data: Any) -> Any:
    """As the model was trained: texts as they are, named features in a data frame, else numbers."""
    count = getattr(model, "n_features_in_", None)
    if count is None:
        return data
    rows = [list(in_order(row).values()) for row in data] if has_names(data) else data
    names = getattr(model, "feature_names_in_", None)
    table = framed(rows, names) if names is not None else None
    if table is None:
        table = as_array(rows)
    if table.ndim != 2 or table.shape[1] != count:
        raise BadInput(f'The model takes rows of {count} features: {{"data": [[...], ...]}}.')
    return table


def has_names(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and all(isinstance(row, dict) for row in data)


def in_order(row: dict[str, Any]) -> dict[str, Any]:
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise BadInput("The model does not know names of features: send each row as a list.")
    if set(row) != set(names):
        raise BadInput(f"Each row must have the features {', '.join(map(str, names))}.")
    return {name: row[name] for name in names}


def framed(rows: Any, names: Any) -> Any:
    """None without pandas: a model that picks its columns by name was trained with it, others do without."""
    if find_spec("pandas") is None:
        return None
    frame = import_module("pandas").DataFrame
    try:
        return frame(rows, columns=list(names))
    except (ValueError, TypeError):
        return np.empty(0)


def as_array(rows: Any) -> Any:
    try:
        return rows if isinstance(rows, np.ndarray) else Lists().array(rows)
    except (ValueError, TypeError):
        return np.empty(0)
