"""Serves the scikit-learn classifier in AZUREML_MODEL_DIR.

POST {"data": [[0.0, 5.0, ...], ...]}, one row of features per item; the answer is
{"predictions": [3, ...], "probabilities": [[0.01, ...], ...]}.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np

model: Any


def init() -> None:
    """Runs once per worker, before the first request."""
    global model
    model = joblib.load(find_model(Path(os.environ["AZUREML_MODEL_DIR"])))


def run(data: str) -> dict[str, Any]:
    """Runs once per request, in as many threads as the worker has; predicting changes nothing in the model."""
    rows = np.asarray(json.loads(data)["data"], dtype=np.float64)
    probabilities = model.predict_proba(rows)
    labels = model.classes_[probabilities.argmax(axis=1)]
    return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}


def find_model(folder: Path) -> Path:
    """joblib files can run any code when loaded: serve only those that you made."""
    models = sorted(folder.rglob("*.joblib"))
    if len(models) != 1:
        raise FileNotFoundError(f"expected one .joblib file in {folder}, found {len(models)}")
    return models[0]
