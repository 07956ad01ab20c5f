"""Scripts of every kind under the contract v2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from v2_served import IDENTITY, error, infer, outputs, tensor

from support.fixtures import Serve
from support.server import wait_for

SPOKEN = ("--contract", "v2")
SIGNED = """
from plimsoll.entry import Tensor, signature

def init():
    pass

@signature(
    inputs=[Tensor("x", "FP32", [-1, 2]), Tensor("scale", "FP64", [1])],
    outputs=[Tensor("sum", "FP32", [-1]), Tensor("shape", "INT64", [2])],
)
def run(x, scale=None):
    assert x.dtype == "float32"
    factor = 1.0 if scale is None else scale[0]
    return (x.sum(axis=1) * factor).astype("float64"), list(x.shape)
"""
X = tensor("x", "FP32", [2, 2], [[1, 2], [3, 4]])


def test_a_signature_names_what_run_takes_and_gives(serve: Serve) -> None:
    server = serve(SIGNED, *SPOKEN)
    reply = infer(server, X, tensor("scale", "FP64", [1], [2]), id="ä")
    assert reply.json()["id"] == "ä"
    assert outputs(reply) == {"sum": ("FP32", [2], [6.0, 14.0]), "shape": ("INT64", [2], [2, 2])}
    assert outputs(infer(server, X, outputs=[{"name": "shape"}])) == {"shape": ("INT64", [2], [2, 2])}
    described = server.get("/v2/models/model").json()
    assert described["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 2]}
    assert [one["name"] for one in described["outputs"]] == ["sum", "shape"]


BAD = {
    "another datatype": (tensor("x", "FP64", [1, 2], [1, 2]), "'x' has the datatype FP64, the model takes FP32"),
    "another shape": (tensor("x", "FP32", [1, 3], [1, 2, 3]), "'x' has the shape [1, 3], the model takes [-1, 2]"),
    "another name": (tensor("y", "FP32", [1, 2], [1, 2]), "no input 'y': the model takes 'x', 'scale'"),
    "another size": (tensor("x", "FP32", [2, 2], [1, 2]), "'x' has 2 values, its shape [2, 2] takes 4"),
    "texts": (tensor("x", "FP32", [1, 2], ["1", "2"]), "'x' must have values of FP32, and has texts"),
    "too large": (tensor("x", "FP32", [1, 2], [10**400, 2]), "'x' has values that FP32 cannot hold"),
    "only the other one": (tensor("scale", "FP64", [1], [1]), "The tensor 'x' is missing"),
}


def test_what_a_signature_does_not_take_is_named(serve: Serve) -> None:
    server = serve(SIGNED, *SPOKEN)
    for one, message in BAD.values():
        status, said = error(infer(server, one))
        assert (status, message in said) == (400, True), said
    status, said = error(infer(server, X, outputs=[{"name": "logits"}]))
    assert (status, said) == (400, "There is no output 'logits': the model has 'sum', 'shape'.")


def test_a_signature_under_azure_mls_contract(serve: Serve) -> None:
    server = serve(SIGNED, "--contract", "azureml,v2")
    assert server.post("/score", json.dumps({"x": [[1, 2]], "scale": [3]}).encode()).json() == [[9.0], [1, 2]]
    assert server.post("/score", b'{"x": [1, 2]}').json()["message"].startswith("The tensor 'x' must have the shape")
    assert server.post("/score", b"{}").status == 400
    assert outputs(infer(server, X))["sum"] == ("FP32", [2], [3.0, 7.0])


def test_a_signature_that_does_not_go_with_run(serve: Serve) -> None:
    source = SIGNED.replace("def run(x, scale=None)", "def run(x, y)")
    server = serve(source, *SPOKEN, wait=False)
    assert server.wait_exit() == 3
    assert "run() takes x, y, its @signature names the tensors" in server.log()


def test_results_that_cannot_be_tensors(serve: Serve) -> None:
    server = serve(
        SIGNED.replace("return (x", "if x[0, 0] == 5:\n        return {'sum': object()}\n    return (x"), *SPOKEN
    )
    reply = infer(server, tensor("x", "FP32", [1, 2], [5, 5]))
    assert error(reply) == (500, "An unexpected internal error occurred. Check the logs for more info.")
    server.wait_log("cannot be sent as tensors")


NARROW = """
import numpy as np
from plimsoll.entry import Tensor, signature

def init():
    pass

@signature(inputs=[Tensor("x", "FP64", [-1])], outputs=[Tensor("y", "{DATATYPE}", [-1])])
def run(x):
    return {RESULT}
"""


@pytest.mark.parametrize(
    ("datatype", "result", "wrong"),
    [
        ("INT8", "x.astype('int64')", 128),
        ("INT8", "[int(one) for one in x]", -129),
        ("UINT8", "[int(one) for one in x]", 256),
        ("UINT16", "x.astype('int32')", -1),
        ("INT64", "x.astype('uint64')", 2**63),
        ("UINT64", "x.astype('int64')", -1),
        ("FP16", "x", 70000),
        ("FP32", "x", 1e39),
    ],
)
def test_numbers_that_an_output_cannot_hold(datatype: str, result: str, wrong: float, serve: Serve) -> None:
    server = serve(NARROW.replace("{DATATYPE}", datatype).replace("{RESULT}", result), *SPOKEN)
    assert outputs(infer(server, tensor("x", "FP64", [2], [1, 100])))["y"] == (datatype, [2], [1, 100])
    assert outputs(infer(server, tensor("x", "FP64", [0], [])))["y"] == (datatype, [0], [])
    reply = infer(server, tensor("x", "FP64", [2], [1, wrong]))
    assert error(reply) == (500, f"The output 'y' has values that {datatype} cannot hold.")
    server.wait_log("cannot be sent as tensors: ")


PLAIN = """
import json

def init():
    pass

def run(raw_data):
    return {RESULT}
"""


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ("json.loads(raw_data)['inputs'][0]['data']", {"output": ("FP32", [4], [1, 2, 3, 4])}),
        ("{'label': 3, 'odds': [[0.5, 0.25]]}", {"label": ("INT64", [1], [3]), "odds": ("FP64", [1, 2], [0.5, 0.25])}),
        ("'a text'", {"output": ("BYTES", [1], ["a text"])}),
        ("['a', 'b']", {"output": ("BYTES", [2], ["a", "b"])}),
        ("[{'a': 1}]", {"output": ("BYTES", [1], ['[{"a": 1}]'])}),
        ("[1, 'a']", {"output": ("BYTES", [1], ['[1, "a"]'])}),
        ("[[1], [1, 2]]", {"output": ("BYTES", [1], ["[[1], [1, 2]]"])}),
        ("None", {"output": ("BYTES", [1], ["null"])}),
    ],
)
def test_a_script_without_tensors(result: str, found: object, serve: Serve) -> None:
    server = serve(PLAIN.replace("{RESULT}", result), *SPOKEN)
    reply = outputs(infer(server, X))
    if result.startswith("json"):
        assert reply == {"output": ("FP64", [4], [1, 2, 3, 4])}
    else:
        assert reply == found


def test_a_failing_run_and_a_response_of_its_own(serve: Serve) -> None:
    server = serve(
        """
        from plimsoll.entry import AMLResponse
        def init():
            pass
        def run(raw_data):
            if "boom" in raw_data:
                raise ValueError("inside")
            return AMLResponse("teapot", 418)
        """,
        *SPOKEN,
    )
    status, said = error(infer(server, tensor("boom", "INT8", [1], [1])))
    assert (status, "inside" in said) == (500, False)
    assert (infer(server, X).status, infer(server, X).body) == (418, b"teapot")


def test_a_raw_script_speaks_for_itself(serve: Serve) -> None:
    server = serve(
        """
        from plimsoll.entry import rawhttp
        def init():
            pass
        @rawhttp
        def run(request):
            return {"path": request.path, "size": len(request.get_data())}
        """,
        *SPOKEN,
    )
    assert server.post("/v2/models/model/infer", b"anything").json() == {"path": "/v2/models/model/infer", "size": 8}


def test_batches_run_together_and_are_answered_one_by_one(serve: Serve) -> None:
    server = serve(
        """
        from plimsoll.entry import Tensor, batch, signature
        def init():
            pass
        @signature(inputs=[Tensor("x", "INT64", [-1])], outputs=[Tensor("y", "INT64", [-1])])
        @batch(max_size=4)
        def run(x):
            return [one * 2 for one in x]
        """,
        *SPOKEN,
    )
    for number in range(3):
        reply = infer(server, tensor("x", "INT64", [1], [number]), id=str(number))
        assert (outputs(reply)["y"][2], reply.json()["id"]) == ([number * 2], str(number))


def test_the_model_has_a_name_and_a_version(serve: Serve) -> None:
    server = serve(SIGNED, *SPOKEN, "--model-name", "my model", "--model-version", "3")
    reply = server.post("/v2/models/my%20model/versions/3/infer", json.dumps({"inputs": [X]}).encode())
    assert (reply.json()["model_name"], reply.json()["model_version"]) == ("my model", "3")
    assert server.get("/v2/models/my%20model").json()["versions"] == ["3"]
    assert server.get("/v2/models/my%20model/versions/3/ready").status == 200
    assert server.metric("plimsoll_requests_total", route="/v2/models/{model}/versions/{version}/infer") == 1
    missing = server.post("/v2/models/my%20model/versions/4/infer", b"{}")
    assert error(missing) == (404, "Model my model with version 4 not found")


def test_a_name_that_is_no_part_of_a_path(serve: Serve) -> None:
    server = serve(SIGNED, *SPOKEN, "--model-name", "a/b", wait=False)
    assert server.wait_exit() == 1
    assert "--model-name 'a/b' cannot be part of a path" in server.log()


def test_not_ready_and_too_large(serve: Serve) -> None:
    server = serve(
        SIGNED.replace("pass", "import time; time.sleep(600)", 1), *SPOKEN, "--max-body-bytes", "1000", wait=False
    )
    wait_for(lambda: _answers(server), "the first answer")
    assert server.get("/v2/health/live").status == 200
    assert (server.get("/v2/health/ready").status, server.get("/v2/models/model/ready").status) == (400, 400)
    assert error(server.get("/v2/models/model")) == (400, "Model model is not ready yet.")
    assert error(infer(server, X)) == (400, "Model model is not ready yet.")
    reply = infer(server, tensor("x", "FP32", [1, 500], [1] * 500))
    assert error(reply) == (413, "The request body is larger than 1000 bytes.")


def _answers(server: object) -> bool:
    try:
        return bool(server.get("/v2").status == 200)  # type: ignore[attr-defined]
    except OSError:
        return False


def test_one_long_text_makes_no_room_for_others(serve: Serve) -> None:
    """An array of texts as NumPy makes it by itself would take 800 GB here."""
    server = serve(IDENTITY, *SPOKEN)
    texts = ["x" * 1_000_000] + [""] * 200_000
    (worker,) = server.workers()
    assert outputs(infer(server, tensor("x", "BYTES", [len(texts)], texts)))["x"][2] == texts
    status, said = error(infer(server, tensor("x", "FP32", [len(texts)], texts)))
    assert (status, said) == (400, "The tensor 'x' must have values of FP32, and has texts.")
    assert server.workers() == [worker]


def test_a_browser_of_another_origin_may_ask(serve: Serve) -> None:
    server = serve(SIGNED, *SPOKEN, "--cors-origins", "http://page.test")
    asks = {"origin": "http://page.test", "access_control_request_method": "POST"}
    reply = server.request("OPTIONS", "/v2/models/model/infer", None, asks)
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "http://page.test")
    assert server.request("OPTIONS", "/v2/models/model/infer", None, {}).status == 405


def test_keys_are_asked_for(serve: Serve, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("the-key-of-the-test-1234\n")
    keys.chmod(0o600)
    server = serve(SIGNED, *SPOKEN, "--api-keys-file", str(keys))
    reply = infer(server, X)
    assert (reply.status, bool(reply.json()["error"])) == (401, True)
    assert server.get("/v2/health/live").status == 200
