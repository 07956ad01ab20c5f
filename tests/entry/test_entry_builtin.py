"""Names of the built-in entry scripts, and their reading of whatever a client sends."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from entry_calls import call
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.entry import builtin
from plimsoll.entry.builtin.exchange import BYTES, BadInput, Input, _from_npy, _unpacked, serve, tensor, values_of
from plimsoll.entry.http.request import Request
from plimsoll.entry.http.response import Response
from plimsoll.errors import EntryError

ONE = [Input("x", np.dtype("float32"), (None, 2))]
TWO = [*ONE, Input("n", np.dtype("uint8"), (None,))]


def request(body: bytes, content_type: str = BYTES) -> Request:
    return Request.of(call("POST", headers=[("content-type", content_type)], body=body))


def packed(**arrays: Any) -> bytes:
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("name", ["onnx", "sklearn", "tensorflow"])
def test_known_names_are_files(name: str) -> None:
    assert "def init()" in builtin.path(name).read_text()


@pytest.mark.parametrize("name", ["", "pytorch", "../script", "onnx_model"])
def test_unknown_names_are_refused_with_the_known_ones(name: str) -> None:
    known = r"\(choose one of mlflow, onnx, sklearn, tensorflow\)"
    with pytest.raises(EntryError, match=rf"no built-in entry script .* {known}"):
        builtin.path(name)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "n", "data", "z"]), inner),
    max_leaves=8,
)


def answer_to(sent: Request) -> Any:
    return serve(sent, TWO, lambda values: {name: value.sum() for name, value in values.items()})


@settings(max_examples=200, deadline=None)
@given(start=st.integers(0, 400), replaced=st.binary(max_size=8), cut=st.integers(0, 500))
def test_a_damaged_archive_is_answered_never_raised(start: int, replaced: bytes, cut: int) -> None:
    whole = packed(x=np.ones((2, 2)), n=np.arange(3))
    body = (whole[:start] + replaced + whole[start + len(replaced) :])[: max(cut, 4)]
    answer = answer_to(request(body))
    assert isinstance(answer, dict) or answer.status_code in (400, 413)


@settings(max_examples=300, deadline=None)
@given(value=JSON_VALUES)
def test_any_json_is_answered_never_raised(value: object) -> None:
    answer = answer_to(request(json.dumps(value).encode(), "application/json"))
    assert isinstance(answer, dict) or answer.status_code == 400


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(st.floats(width=32), st.floats(width=32)), max_size=5))
def test_numbers_arrive_as_they_were_sent(rows: list[tuple[float, float]]) -> None:
    array = np.array(rows, np.float32).reshape(-1, 2)
    file = BytesIO()
    np.save(file, array)
    for body, kind in [
        (file.getvalue(), BYTES),
        (packed(x=array), BYTES),
        (json.dumps({"data": array.tolist()}).encode(), "application/json"),
    ]:
        values = values_of(request(body, kind), ONE)
        if rows:
            np.testing.assert_array_equal(tensor(values["x"], ONE[0]), array)


def test_outputs_may_have_any_name() -> None:
    accepting = Request.of(call("POST", headers=[("accept", BYTES)], body=b'{"data": [[1, 2]]}'))
    answer = serve(accepting, ONE, lambda values: {"file": values["x"], "a/b:0": np.arange(2)})
    assert isinstance(answer, Response)
    with np.load(BytesIO(answer.get_data())) as arrays:
        assert {name: arrays[name].tolist() for name in arrays.files} == {"file": [[1, 2]], "a/b:0": [0, 1]}


def test_a_refusal_keeps_its_status() -> None:
    def refuse(values: dict[str, Any]) -> dict[str, Any]:
        raise BadInput("too cold", 422)

    answer = serve(request(b'{"data": [[1, 2]]}', "application/json"), ONE, refuse)
    assert (answer.status_code, json.loads(answer.get_data())) == (422, {"message": "too cold"})


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


@pytest.mark.parametrize("version", [None, (2, 0), (3, 0)])
@pytest.mark.parametrize("dtype", ["f4", ">f8", "i1", "U3", "S2", "?", "M8[s]", [("a", "i4"), ("b", "f8")]])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3, 4)])
def test_arrays_are_read_as_numpy_does(shape: tuple[int, ...], dtype: Any, version: tuple[int, int] | None) -> None:
    for order in ("C", "F"):
        array = np.array(np.arange(np.prod(shape)).reshape(shape).astype("i4").astype(dtype), order=order)
        body = npy(array, version)
        read = _from_npy(memoryview(body))
        known = np.load(BytesIO(body))
        assert (read.dtype, read.shape) == (known.dtype, known.shape)
        assert read.tobytes() == known.tobytes()


def test_an_array_stays_where_it_was_received() -> None:
    body = np.frombuffer(npy(np.arange(100_000.0)), np.uint8)
    array = tensor(_from_npy(memoryview(body)), Input("x", np.dtype("f8"), (None,)))
    assert np.shares_memory(array, body)
    assert not np.shares_memory(tensor(_from_npy(memoryview(body).toreadonly()), Input("x")), body)


@pytest.mark.parametrize("shape", ["(-1,)", "(3,)", "(10**30,)", "(2**62, 4)", "'three'"])
def test_a_head_that_lies_is_a_400(shape: str) -> None:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    body = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(16)
    with pytest.raises(BadInput, match=r"must be a \.npy or \.npz file"):
        _unpacked(memoryview(body), ["x"])
