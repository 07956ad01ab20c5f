"""Serves a scikit-learn classifier of iris flowers: a script for Azure ML, unchanged."""

from __future__ import annotations

import os
from typing import Any

import joblib
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema

model: Any


def init() -> None:
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "iris.joblib"))


@input_schema("data", NumpyParameterType(np.array([[5.1, 3.5, 1.4, 0.2]])))
def run(data: Any) -> dict[str, Any]:
    return {"species": model.predict(data).tolist()}
