"""Tensors as bytes behind the JSON, Triton's extension of the protocol; with NumPy for an oracle of what they mean."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from v2_served import IDENTITY, Builtin, elements, error, infer, infer_bytes, outputs, tensor

from support.fixtures import Serve
from support.server import Server

SPOKEN = ("--contract", "v2")
DATATYPES = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
}
DATATYPES |= {"INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}


def sent(datatype: str, shape: list[int], size: Any, name: str = "x", **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}, **more}


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_goes_there_and_back(datatype: str, identity: Server) -> None:
    array = np.array([[0, 1, 3], [100, 7, 0]]).astype(DATATYPES[datatype])
    data = array.tobytes()
    content = {"inputs": [sent(datatype, [2, 3], len(data))], "parameters": {"binary_data_output": True}}
    reply = infer_bytes(identity, content, data, model="identity")
    assert outputs(reply) == {"x": (datatype, [2, 3], data)}
    assert reply.headers["content-type"] == "application/octet-stream"
    plain = infer(identity, tensor("x", datatype, [2, 3], array.tolist()), model="identity")
    assert outputs(plain) == {"x": (datatype, [2, 3], array.ravel().tolist())}


def test_bytes_of_any_kind(identity: Server) -> None:
    data = elements(b"\xff\x00", b"", b"text")
    content = {"inputs": [sent("BYTES", [3], len(data))], "parameters": {"binary_data_output": True}}
    assert outputs(infer_bytes(identity, content, data, model="identity")) == {"x": ("BYTES", [3], data)}
    status, message = error(infer_bytes(identity, content | {"parameters": {}}, data, model="identity"))
    assert (status, message) == (
        400,
        "The output 'x' has bytes that are no UTF-8: ask for it with the parameter binary_data.",
    )


def test_bytes_and_json_beside_each_other_and_outputs_chosen(identity: Server) -> None:
    one, two = np.arange(4, dtype="<f4").tobytes(), np.arange(3, dtype="<i8").tobytes()
    inputs = [sent("FP32", [2, 2], 16, "a"), tensor("b", "INT8", [1], [5]), sent("INT64", [3], 24, "c")]
    wanted = [{"name": "c", "parameters": {"binary_data": True}}, {"name": "b"}]
    reply = infer_bytes(identity, {"id": "7", "inputs": inputs, "outputs": wanted}, one, two, model="identity")
    assert list(outputs(reply).items()) == [("c", ("INT64", [3], two)), ("b", ("INT8", [1], [5]))]
    length = int(reply.headers["inference-header-content-length"])
    assert json.loads(reply.body[:length])["id"] == "7"
    every = {"inputs": inputs, "outputs": [{"name": "a", "parameters": {"binary_data": False}}, {"name": "c"}]}
    reply = infer_bytes(identity, {**every, "parameters": {"binary_data_output": True}}, one, two, model="identity")
    assert outputs(reply) == {"a": ("FP32", [2, 2], [0, 1, 2, 3]), "c": ("INT64", [3], two)}


def test_a_large_tensor_that_run_may_write_to(serve: Serve) -> None:
    server = serve(
        """
        from plimsoll.entry import Tensor, signature
        kept = []
        def init():
            pass
        @signature(inputs=[Tensor("x", "FP32", [-1])])
        def run(x):
            x += 1
            kept.append(x)
            return kept[0]
        """,
        *SPOKEN,
    )
    array = np.arange(300_000, dtype="<f4")
    content = {"inputs": [sent("FP32", [300_000], array.nbytes)], "parameters": {"binary_data_output": True}}
    for factor in (1, 2):
        found = outputs(infer_bytes(server, content, (array * factor).tobytes()))
        assert np.array_equal(np.frombuffer(found["output"][2], "<f4"), array + 1)


FP32_4 = np.arange(4, dtype="<f4").tobytes()
BAD = {
    "fewer bytes than it says": ([sent("FP32", [2, 2], 17)], FP32_4, "has 17 bytes by its binary_data_size, 16 came"),
    "more bytes": ([sent("FP32", [2, 2], 16)], FP32_4 + b"x", "1 bytes follow the last tensor"),
    "another size than its shape": ([sent("FP32", [3], 16)], FP32_4, "has 16 bytes, its shape [3] takes 12 of FP32"),
    "a huge shape": ([sent("FP32", [2**40, 2**40], 16)], FP32_4, "takes 4835703278458516698824704 of FP32"),
    "a huge shape of nothing": ([sent("FP32", [0, 2**62, 2**62], 0)], b"", "has a shape that no array can have"),
    "100 dimensions": ([sent("FP32", [1] * 100, 4)], b"0000", "has a shape that no array can have"),
    "numbers too long to print": ([sent("FP32", [10**4000] * 3, 4)], b"0000", "has a shape that no array can have"),
    "a negative size": ([sent("FP32", [-4], 16)], FP32_4, "has a negative size in its shape"),
    "no number of bytes": ([sent("FP32", [4], "16")], FP32_4, "has a binary_data_size that is no number of bytes"),
    "a negative number of bytes": ([sent("FP32", [4], -16)], FP32_4, "binary_data_size that is no number of bytes"),
    "truth as number of bytes": ([sent("INT8", [1], True)], b"x", "binary_data_size that is no number of bytes"),
    "data too": ([sent("FP32", [4], 16, data=[1])], FP32_4, "has both data and a binary_data_size"),
    "an element that is cut off": ([sent("BYTES", [1], 6)], b"\xff\xff\xff\xff12", "must be 1 elements in 6 bytes"),
    "fewer elements": ([sent("BYTES", [2], 5)], elements(b"x"), "must be 2 elements in 5 bytes"),
    "more elements": ([sent("BYTES", [1], 10)], elements(b"x", b"y"), "must be 1 elements in 10 bytes"),
    "huge elements": ([sent("BYTES", [2**60], 5)], elements(b"x"), "elements in 5 bytes"),
    "one name twice": ([sent("INT8", [1], 1), sent("INT8", [1], 1)], b"xy", "is there twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_tensor_that_is_not_what_it_says(name: str, identity: Server) -> None:
    inputs, data, message = BAD[name]
    status, said = error(infer_bytes(identity, {"inputs": inputs}, data, model="identity"))
    assert status == 400
    assert message in said
    assert name == "more bytes" or "'x'" in said


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999", "9" * 30, "x"])
def test_a_header_length_that_is_none(length: str, identity: Server) -> None:
    status, said = error(infer_bytes(identity, {"inputs": []}, model="identity", length=length))
    assert (status, "Inference-Header-Content-Length" in said) == (400, True)


def test_a_header_length_that_is_there_twice(identity: Server) -> None:
    headers = {"Inference-Header-Content-Length": "14", "inference-header-content-length": "14"}
    status, said = error(identity.request("POST", "/v2/models/identity/infer", b'{"inputs": []}', headers))
    assert (status, "is there 2 times" in said) == (400, True)


def test_a_header_length_that_ends_in_the_json(identity: Server) -> None:
    assert infer_bytes(identity, {"inputs": []}, model="identity", length="5").status == 422


def test_a_body_that_is_one_tensor(builtin: Builtin, identity: Server) -> None:
    digit = np.zeros((2, 64), "<f8")
    reply = infer_bytes(builtin("sklearn"), None, digit.tobytes(), model="digits")
    datatype, shape, data = outputs(reply)["predict"]
    assert (datatype, shape, len(data)) == ("INT64", [2, 1], 16)
    status, said = error(infer_bytes(builtin("sklearn"), None, b"x" * 100, model="digits"))
    assert (status, "'data'" in said) == (400, True)
    assert error(infer_bytes(identity, None, b"x", model="identity"))[0] == 400


def test_bf16_is_refused_by_name(identity: Server) -> None:
    reply = infer_bytes(identity, {"inputs": [sent("BF16", [1], 2)]}, b"xx", model="identity")
    assert reply.status == 422
    assert "BF16" not in reply.json()["detail"][0]["ctx"]["expected"]


CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_is_packed(coding: str, identity: Server) -> None:
    content = json.dumps({"inputs": [sent("FP32", [2, 2], 16)], "parameters": {"binary_data_output": True}}).encode()
    headers = {"content_encoding": coding.upper(), "inference_header_content_length": str(len(content))}
    reply = identity.post("/v2/models/identity/infer", CODINGS[coding](content + FP32_4), **headers)
    assert outputs(reply) == {"x": ("FP32", [2, 2], FP32_4)}


def test_a_packed_body_that_cannot_be_read(identity: Server) -> None:
    body = json.dumps({"inputs": []}).encode()
    packed = gzip.compress(body)
    for coded, sent_as, status, message in (
        (body, "gzip", 400, "The body is not coded as gzip: "),
        (packed, "deflate", 400, "The body is not coded as deflate: "),
        (packed[:-4], "gzip", 400, "The body is cut off: its gzip has no end."),
        (packed * 2, "gzip", 400, f"{len(packed)} bytes follow the body's gzip."),
        (packed, "gzip, gzip", 415, "The body is coded as gzip, gzip: "),
        (packed, "br", 415, "The body is coded as br: send it as gzip, as deflate, or as it is."),
    ):
        found = error(identity.post("/v2/models/identity/infer", coded, content_encoding=sent_as))
        assert (found[0], found[1].startswith(message)) == (status, True), found


def test_a_packed_body_is_no_longer_than_bodies_may_be(serve: Serve) -> None:
    """100 MB of blanks in 100 KB: nothing is unpacked beyond the limit."""
    server = serve(IDENTITY, *SPOKEN, "--max-body-bytes", "1000000")
    path, longest = "/v2/models/model/infer", b" " * 999_000 + b'{"inputs": []}'
    assert server.post(path, zlib.compress(longest), content_encoding="deflate").status == 200
    before = _memory(server)
    found = error(server.post(path, zlib.compress(b" " * 100_000_000), content_encoding="deflate"))
    assert found == (413, "The request body is larger than 1000000 bytes.")
    assert _memory(server) - before < 30_000_000


def _memory(server: Server) -> int:
    """The most that the worker ever had."""
    status = Path(f"/proc/{server.workers()[0].pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
