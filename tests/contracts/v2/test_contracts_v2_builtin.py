"""The built-in entry scripts under the contract v2, on real models of ONNX and TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlserver_cases import DIGIT
from v2_served import Builtin, error, infer, outputs, tensor

from support.server import Server

pytestmark = pytest.mark.models


def test_scikit_learn_says_what_it_takes(builtin: Builtin) -> None:
    described = builtin("sklearn").get("/v2/models/digits").json()
    assert described["platform"] == "sklearn"
    assert described["inputs"] == [{"name": "data", "datatype": "FP64", "shape": [-1, 64]}]
    assert [(one["name"], one["datatype"]) for one in described["outputs"]] == [
        ("predict", "INT64"),
        ("predict_proba", "FP64"),
    ]
    status, said = error(infer(builtin("sklearn"), tensor("x", "FP32", [1, 63], [0] * 63), model="digits"))
    assert (status, said) == (400, "The tensor 'x' has the shape [1, 63], the model takes [-1, 64].")


def test_onnx_says_what_it_takes_and_is_fed_by_name(builtin: Builtin) -> None:
    server = builtin("onnx")
    described = server.get("/v2/models/digits").json()
    assert described["platform"] == "onnxruntime_onnx"
    (wanted,) = described["inputs"]
    assert (wanted["datatype"], wanted["shape"]) == ("FP32", [-1, 64])
    names = [one["name"] for one in described["outputs"]]
    found = outputs(infer(server, tensor(wanted["name"], "FP32", [1, 64], DIGIT), model="digits"))
    assert list(found) == names
    assert 0 in [data[0] for _, _, data in found.values()]
    only = infer(server, tensor(wanted["name"], "FP32", [1, 64], DIGIT), outputs=[{"name": names[-1]}], model="digits")
    assert list(outputs(only)) == names[-1:]
    _is_refused(server, wanted["name"])


@pytest.mark.tensorflow
def test_tensorflow_says_what_it_takes_and_is_fed_by_name(builtin: Builtin, tmp_path: Path) -> None:
    _save(tmp_path)
    server = builtin("tensorflow", tmp_path)
    described = server.get("/v2/models/digits").json()
    assert described == {
        "name": "digits",
        "versions": [],
        "platform": "tensorflow_savedmodel",
        "inputs": [
            {"name": "name", "datatype": "BYTES", "shape": [-1]},
            {"name": "x", "datatype": "FP32", "shape": [-1, 64]},
        ],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "sum", "datatype": "FP32", "shape": [-1]},
        ],
    }
    text = tensor("name", "BYTES", [2], ["ä", "b"])
    found = outputs(infer(server, tensor("x", "FP32", [2, 64], [1] * 128), text, model="digits"))
    assert found == {"label": ("BYTES", [2], ["ä", "b"]), "sum": ("FP32", [2], [64, 64])}


def _is_refused(server: Server, name: str) -> None:
    wrong = [
        tensor(name, "FP64", [1, 64], DIGIT),
        tensor(name, "FP32", [1, 63], DIGIT[1:]),
        tensor("y", "FP32", [1], [1]),
    ]
    for one in wrong:
        status, said = error(infer(server, one, model="digits"))
        assert (status, repr(one["name"]) in said) == (400, True), said
    assert error(infer(server, model="digits")) == (400, f"The tensor {name!r} is missing.")


def _save(folder: Path) -> None:
    import subprocess
    import sys

    code = """
import sys
import tensorflow as tf

class Model(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 64], tf.float32, "x"), tf.TensorSpec([None], tf.string, "name")])
    def __call__(self, x, name):
        return {"sum": tf.reduce_sum(x, axis=1), "label": name}

model = Model()
tf.saved_model.save(model, sys.argv[1], signatures={"serving_default": model.__call__})
"""
    subprocess.run([sys.executable, "-c", code, str(folder / "model")], check=True, capture_output=True)
