"""Serves a TensorFlow SavedModel whose one input is a batch of encoded JPEG strings.

POST the bytes of one JPEG file; the answer is {"class": 281, "probabilities": [0.001, ...]}.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Before the import: TensorFlow's C++ side reads these while it loads.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Otherwise the first worker takes the whole memory of the GPU.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import tensorflow as tf
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

model: Any
input_name: str


def init() -> None:
    """Runs once per worker, before the first request."""
    global model, input_name
    model = tf.saved_model.load(str(find_model(Path(os.environ["AZUREML_MODEL_DIR"]))))
    inputs = model.signatures["serving_default"].structured_input_signature[1]
    if len(inputs) != 1:
        raise ValueError(f"this score.py serves models with one input, this one has {sorted(inputs)}")
    input_name = next(iter(inputs))
    # TensorFlow optimises the graph on the first call, which nobody should have to wait for.
    score(tf.io.encode_jpeg(tf.zeros([8, 8, 3], tf.uint8)).numpy())


@rawhttp
def run(request: AMLRequest) -> AMLResponse:
    """Runs once per request, in as many threads as the worker has; TensorFlow computes them side by side."""
    if request.method != "POST":
        return AMLResponse(f"{request.method} is not supported", 405, {"Allow": "POST"})
    try:
        return AMLResponse(score(request.get_data(False)), 200, json_str=True)
    except tf.errors.InvalidArgumentError:
        return AMLResponse({"message": "The body is not a JPEG image."}, 400, json_str=True)


def score(jpeg: bytes) -> dict[str, Any]:
    result = model.signatures["serving_default"](**{input_name: tf.constant([jpeg])})
    return {"class": int(result["classes"][0]), "probabilities": result["probabilities"][0].numpy().tolist()}


def find_model(folder: Path) -> Path:
    models = sorted(folder.rglob("saved_model.pb"))
    if len(models) != 1:
        raise FileNotFoundError(f"expected one saved_model.pb in {folder}, found {len(models)}")
    return models[0].parent
