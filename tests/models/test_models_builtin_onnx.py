"""`builtin:onnx` on real models: the digits classifier, and one with inputs of several kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builtin_scripts import BYTES, answers, npy, npz, request, started
from model_scripts import Make

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sum = a + b (floats, rows of two), count = n * 2 (bytes), said = text."""
    import onnx
    from onnx import TensorProto, helper

    def value(name: str, kind: int, shape: list[Any]) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    nodes = [
        helper.make_node("Add", ["a", "b"], ["file"]),
        helper.make_node("Cast", ["n"], ["wide"], to=TensorProto.INT32),
        helper.make_node("Add", ["wide", "wide"], ["count"]),
        helper.make_node("Identity", ["text"], ["said"]),
    ]
    inputs = [
        value("a", TensorProto.FLOAT, ["rows", 2]),
        value("b", TensorProto.FLOAT, ["rows", 2]),
        value("n", TensorProto.UINT8, [None]),
        value("text", TensorProto.STRING, [None]),
    ]
    outputs = [
        value("file", TensorProto.FLOAT, ["rows", 2]),
        value("count", TensorProto.INT32, [None]),
        value("said", TensorProto.STRING, [None]),
    ]
    graph = helper.make_graph(nodes, "mixed", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "deep").mkdir()
    onnx.save(model, folder / "deep" / "mixed.onnx")
    return folder


GOOD = {"a": [[1, 2]], "b": [[0.5, 0.5]], "n": [1, 255], "text": ["é", ""]}


def test_the_digits_in_json_and_in_both_binary_forms(made: Make) -> None:
    model = made("onnx")
    rows = np.zeros((3, 64))
    by_data, by_name, as_npy, as_npz, to_npz = answers(
        "onnx",
        model.out / "model",
        request(model.bodies()[0]),
        request({"X": rows.tolist()}),
        request(npy(rows), content_type=BYTES),
        request(npz(X=rows.astype(np.float32)), content_type=BYTES),
        request({"data": rows.tolist()}, accept=BYTES),
    )
    assert by_data.value["label"] == model.expected()[0]
    assert by_name.value == as_npy.value == as_npz.value
    assert set(to_npz.arrays) == {"label", "probabilities"}
    assert to_npz.arrays["probabilities"].shape == (3, 10)
    assert to_npz.arrays["probabilities"].dtype == np.float32
    assert to_npz.arrays["label"].tolist() == by_name.value["label"]


def test_inputs_of_several_kinds_by_name(mixed: Path) -> None:
    as_json, as_npz = answers(
        "onnx",
        mixed,
        request(GOOD, content_type="application/json"),
        request({**GOOD, "a": [[3, 4]] * 2, "b": [[1, 1]] * 2, "n": []}),
    )
    assert as_json.value == {"file": [[1.5, 2.5]], "count": [2, 510], "said": ["é", ""]}
    assert as_npz.value == {"file": [[4, 5], [4, 5]], "count": [], "said": ["é", ""]}


def test_a_get_says_what_the_model_takes(mixed: Path) -> None:
    get, options = answers("onnx", mixed, request(method="GET"), request(method="OPTIONS"))
    assert get.value["inputs"] == [
        {"name": "a", "type": "float32", "shape": [None, 2]},
        {"name": "b", "type": "float32", "shape": [None, 2]},
        {"name": "n", "type": "uint8", "shape": [None]},
        {"name": "text", "type": "string", "shape": [None]},
    ]
    assert (options.status, options.body) == (200, b"")


BAD: list[tuple[dict[str, str], str]] = [
    (request(b""), "The body could not be decoded as JSON: "),
    (request(b"\xff"), "The body could not be decoded as JSON: "),
    (request(b"[" * 100_000), "The body could not be decoded as JSON: "),
    (request([1]), 'The body must be a JSON object: {"a": [...]}'),
    (request({"data": 1}), "There is no input 'data': the model takes 'a', 'b', 'n', 'text'."),
    (request({"a": [[1, 2]]}), "The input 'b' is missing: "),
    (request({**GOOD, "c": 1}), "There is no input 'c': "),
    (request({**GOOD, "a": "x"}), "The input 'a' must be an array of float32"),
    (request({**GOOD, "a": [[1e300, 1]]}), "The input 'a' must be an array of float32"),
    (request({**GOOD, "a": [[1, 2], [3]]}), "The input 'a' must be an array of float32, all its rows of one length."),
    (request({**GOOD, "a": [1, 2]}), "The input 'a' must have the shape ['any', 2], not [2]."),
    (request({**GOOD, "a": [[1, 2, 3]]}), "The input 'a' must have the shape ['any', 2], not [1, 3]."),
    (request({**GOOD, "n": [256]}), "The input 'n' must be an array of uint8"),
    (request({**GOOD, "n": [-1]}), "The input 'n' must be an array of uint8"),
    (request({**GOOD, "n": [0.5]}), "The input 'n' must be an array of uint8"),
    (request({**GOOD, "n": [10**30]}), "The input 'n' must be an array of uint8"),
    (request({**GOOD, "n": None}), "The input 'n' must be an array of uint8"),
    (request({**GOOD, "text": [1]}), "The input 'text' must be an array of string"),
    (request({**GOOD, "text": [{}]}), "The input 'text' must be an array of string"),
    (
        request({**GOOD, "b": [[1, 2]] * 3, "a": [[1, 2]] * 2}),
        "The inputs differ in the size of 'rows': 2 and 3.",
    ),
    (request(b"no array", content_type=BYTES), "The body must be a .npy or .npz file"),
    (request(b"PK\x03\x04broken", content_type=BYTES), "The body must be a .npy or .npz file"),
    (request(npy(np.zeros(2))[:100], content_type=BYTES), "The body must be a .npy or .npz file"),
    (request(npy(np.zeros(2)), content_type=BYTES), "The input 'b' is missing"),
    (request(npy(np.array([{}], object)), content_type=BYTES), "The body must be a .npy or .npz file"),
]


def test_what_the_model_does_not_take_is_a_400_that_says_why(mixed: Path) -> None:
    *bad, good = answers("onnx", mixed, *[call for call, _ in BAD], request(GOOD))
    for (_, message), answer in zip(BAD, bad, strict=True):
        assert (answer.status, answer.content_type) == (400, "application/json")
        assert answer.message.startswith(message)
    assert good.status == 200


def test_text_has_no_binary_form_and_unpacked_arrays_have_a_bound(mixed: Path) -> None:
    big = npz(a=np.zeros((40_000_000, 1), np.float64))
    text, bomb = answers("onnx", mixed, request(GOOD, accept=BYTES), request(big, content_type=BYTES))
    assert (text.status, text.message[:19]) == (406, "The output 'said' h")
    assert (bomb.status, bomb.message) == (413, "The arrays take more than 256 MiB unpacked.")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "no *.onnx in it"),
        (["a.onnx", "b/b.onnx"], "expected one *.onnx, found 2: a.onnx, b/b.onnx"),
        (["broken.onnx"], "broken.onnx: ONNX Runtime cannot load the model: "),
    ],
)
def test_the_start_says_what_is_wrong_with_the_model_directory(tmp_path: Path, files: list[str], reason: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no model")
    result = started("onnx", tmp_path)
    assert result.returncode == 1
    assert "User's init function failed" in result.stderr
    assert reason in result.stderr


def test_without_a_model_directory(tmp_path: Path) -> None:
    assert "there is no model directory (give --model-dir)" in started("onnx", None).stderr
    assert "no such file or folder" in started("onnx", tmp_path / "absent").stderr
