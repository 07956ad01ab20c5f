"""Serves the ONNX model in AZUREML_MODEL_DIR.

POST {"data": [[0.0, 5.0, ...], ...]}, one row of numbers per item; the answer is
{"predictions": [3, ...], "probabilities": [[0.01, ...], ...]}.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

session: ort.InferenceSession


def init() -> None:
    """Runs once per worker, before the first request."""
    global session
    model = find_model(Path(os.environ["AZUREML_MODEL_DIR"]))
    session = ort.InferenceSession(model, session_options(), providers=providers())


def run(data: str) -> dict[str, Any]:
    """Runs once per request, in as many threads as the worker has; an ONNX session allows that."""
    rows = np.asarray(json.loads(data)["data"], dtype=np.float32)
    labels, probabilities = session.run(None, {session.get_inputs()[0].name: rows})
    return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}


def find_model(folder: Path) -> Path:
    models = sorted(folder.rglob("*.onnx"))
    if len(models) != 1:
        raise FileNotFoundError(f"expected one .onnx file in {folder}, found {len(models)}")
    return models[0]


def session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    # 0 lets ONNX Runtime take every core it sees, which in a container are the machine's.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    # Threads that spin between requests burn the cores that other workers need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def providers() -> list[str]:
    available = ort.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
