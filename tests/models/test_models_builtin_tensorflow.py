"""`builtin:tensorflow` on real SavedModels: pictures in, numbers of several kinds, strings both ways."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from builtin_scripts import BYTES, answers, npy, npz, request, started
from model_scripts import Make

pytestmark = [pytest.mark.models, pytest.mark.tensorflow]

MAKER = """
import sys
import tensorflow as tf

@tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "a"), tf.TensorSpec([2], tf.int64, "b")])
def add(a, b): return {"sum": a + tf.cast(b, tf.float32) + module.bias, "b": b}

@tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
def upper(text): return {"upper": tf.strings.upper(text), "raw": tf.strings.join([text, b"\\xff"])}

module = tf.Module()
module.bias = tf.Variable(0.5)
module.add, module.upper = add, upper
tf.saved_model.save(module, sys.argv[1] + "/add", signatures={"serving_default": add, "other": upper})
tf.saved_model.save(module, sys.argv[1] + "/upper", signatures={"only": upper})
tf.saved_model.save(module, sys.argv[1] + "/neither", signatures={"one": upper, "two": add})
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    command = [sys.executable, "-c", MAKER, str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert result.returncode == 0, result.stderr
    return folder


def test_numbers_in_json_and_binary(saved: Path) -> None:
    rows = np.array([[1, 2], [3, 4]])
    as_json, as_npz, to_npz, get, *bad = answers(
        "tensorflow",
        saved / "add",
        request({"a": rows.tolist(), "b": [10, 20]}),
        request(npz(a=rows.astype(float), b=np.array([10, 20])), content_type=BYTES),
        request({"a": [], "b": [1, 2]}),
        request(method="GET"),
        request({"a": [[1, 2]], "b": [1.5, 2]}),
        request({"a": [[1]], "b": [1, 2]}),
        request(b"no json", content_type="image/jpeg"),
    )
    assert as_json.value == as_npz.value == {"b": [10, 20], "sum": [[11.5, 22.5], [13.5, 24.5]]}
    assert (to_npz.status, to_npz.message) == (400, "The input 'a' must have the shape ['any', 2], not [0].")
    assert get.value["inputs"] == [
        {"name": "a", "type": "float32", "shape": [None, 2]},
        {"name": "b", "type": "int64", "shape": [2]},
    ]
    assert [(one.status, one.message.partition(":")[0]) for one in bad] == [
        (400, "The input 'b' must be an array of int64, all its rows of one length."),
        (400, "The input 'a' must have the shape ['any', 2], not [1, 1]."),
        (400, "The body could not be decoded as JSON"),
    ]


def test_strings_as_text_as_base64_and_as_a_whole_body(saved: Path) -> None:
    encoded = base64.b64encode(b"x\xff").decode()
    text, as_b64, body, as_npy, no_b64, odd, no_binary = answers(
        "tensorflow",
        saved / "upper",
        request({"text": ["é", "b"]}, content_type="application/json"),
        request({"data": [{"b64": encoded}]}, content_type="application/json"),
        request(b"x\xff", content_type="image/jpeg"),
        request(npy(np.array([b"q"])), content_type=BYTES),
        request({"text": [{"b64": "?"}]}, content_type="application/json"),
        request({"text": [1]}, content_type="application/json"),
        request({"text": ["a"]}, content_type="application/json", accept=BYTES),
    )
    assert text.value["upper"] == ["é", "B"]
    upper = {"b64": base64.b64encode(b"X\xff").decode()}
    assert as_b64.value["upper"] == body.value["upper"] == [upper]
    assert as_npy.value["upper"] == ["Q"]
    assert (no_b64.status, no_b64.message[:32]) == (400, "A value under b64 is not base64:")
    assert (odd.status, odd.message) == (400, 'An input of strings takes text and {"b64": "..."} only.')
    assert no_binary.status == 406


def test_pictures_are_posted_as_they_are(made: Make) -> None:
    model = made("tensorflow")
    picture = (model.out / "requests" / "china-1.jpg").read_bytes()
    good, not_a_picture = answers(
        "tensorflow",
        model.out / "model",
        request(picture, content_type="image/jpeg", accept=BYTES),
        request(b"no picture", content_type="image/jpeg"),
    )
    assert good.arrays["probabilities"].shape == (1, 1000)
    assert good.arrays["probabilities"].sum() == pytest.approx(1, abs=1e-3)
    assert (not_a_picture.status, not_a_picture.message) == (400, "The model does not take this input.")


def test_the_start_says_what_is_wrong_with_the_model(saved: Path, tmp_path: Path) -> None:
    assert "no signature serving_default, only ['one', 'two']" in started("tensorflow", saved / "neither").stderr
    assert "expected one saved_model.pb, found 3: " in started("tensorflow", saved).stderr
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    assert "TensorFlow cannot load the model: " in started("tensorflow", tmp_path).stderr
