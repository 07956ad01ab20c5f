"""Serves the scikit-learn model in AZUREML_MODEL_DIR, any estimator with predict() that joblib saved.

Rows are lists of numbers, objects with the names of the features, or texts for a model that begins with a
vectorizer. The answer has `predictions`, and `probabilities` where the model gives them. joblib files can run any
code when they are loaded: serve only those that you trust.
"""

from __future__ import annotations

import sys
from typing import Any

import joblib  # type: ignore[import-untyped,unused-ignore]
import numpy as np

from plimsoll.backends.files import single
from plimsoll.entry import Request, rawhttp
from plimsoll.entry.builtin.exchange import BadInput, Input, model_dir, serve

model: Any


def init() -> None:
    global model
    model = joblib.load(single(model_dir(), "*.joblib"))
    if not hasattr(model, "predict"):
        raise TypeError(f"a {type(model).__name__} has no predict()")


@rawhttp
def run(request: Request) -> Any:
    return serve(request, [Input("data")], predict)


def predict(values: dict[str, Any]) -> dict[str, Any]:
    rows = rows_of(values["data"])
    try:
        outputs = {"predictions": np.asarray(model.predict(rows))}
        if hasattr(model, "predict_proba"):
            outputs["probabilities"] = np.asarray(model.predict_proba(rows))
    except (ValueError, TypeError) as failure:
        # Its text may quote the data and the model.
        print(f"the model refused its input: {failure}", file=sys.stderr)  # noqa: T201
        raise BadInput("The model does not take this data.") from None
    return outputs


def rows_of(data: Any) -> Any:
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        data = [in_order(row) for row in data]
    count = getattr(model, "n_features_in_", None)
    if count is None:
        return data
    try:
        rows = np.asarray(data)
    except ValueError:
        rows = np.empty(0)
    if rows.ndim != 2 or rows.shape[1] != count:
        raise BadInput(f'The model takes rows of {count} features: {{"data": [[...], ...]}}.')
    return rows


def in_order(row: dict[str, Any]) -> list[Any]:
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise BadInput("The model does not know names of features: send each row as a list.")
    if set(row) != set(names):
        raise BadInput(f"Each row must have the features {', '.join(map(str, names))}.")
    return [row[name] for name in names]
