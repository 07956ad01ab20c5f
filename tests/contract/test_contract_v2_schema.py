"""inference-schema's decorators under the contract v2: tensors have the names of run()'s parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from test_contract_schema import NUMPY, PANDAS

from support.fixtures import Serve
from support.server import Reply, Server


def _tensor(name: str, datatype: str, shape: list[int], data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _infer(server: Server, *inputs: dict[str, Any]) -> Reply:
    return server.post("/v2/models/model/infer", json.dumps({"inputs": inputs}).encode())


def test_parameters_are_tensors(packages: Path, serve: Serve) -> None:
    server = serve(NUMPY, "--contract", "azureml,v2", env={"PYTHONPATH": str(packages)})
    data = _tensor("data", "FP64", [2, 2], [1, 2, 3, 4])
    (output,) = _infer(server, data, _tensor("scale", "FP64", [1], [10])).json()["outputs"]
    assert (output["datatype"], output["shape"], output["data"]) == ("FP64", [2], [30, 70])
    assert _infer(server, data).json()["outputs"][0]["data"] == [6, 14]
    described = server.get("/v2/models/model").json()
    assert described["inputs"] == [
        {"name": "data", "datatype": "FP64", "shape": [-1, -1]},
        {"name": "scale", "datatype": "FP64", "shape": [-1]},
    ]
    assert [one["datatype"] for one in described["outputs"]] == ["FP64"]
    assert server.post("/score", b'{"data": [[1, 2]]}').json() == [6.0]


def test_a_tensor_that_is_no_parameter_one_that_is_missing_and_two_values_for_one(packages: Path, serve: Serve) -> None:
    server = serve(NUMPY, "--contract", "v2", env={"PYTHONPATH": str(packages)})
    data, scale = _tensor("data", "FP64", [1, 2], [1, 2]), _tensor("scale", "FP64", [2], [1, 2])
    answers = [_infer(server, *inputs) for inputs in ([{**data, "name": "x"}], [], [data, scale])]
    assert [one.status for one in answers] == [400] * 3
    texts = ("no input 'x'", "The tensor 'data' is missing", "'scale' must have the shape [1]")
    assert all(text in one.json()["error"] for one, text in zip(answers, texts, strict=True))


def test_rows_of_a_data_frame_are_json_in_bytes(packages: Path, serve: Serve) -> None:
    server = serve(PANDAS, "--contract", "v2", env={"PYTHONPATH": str(packages)})
    rows = [json.dumps({"a": 1, "b": "x"}), json.dumps({"a": 2, "b": "y"})]
    reply = _infer(server, _tensor("data", "BYTES", [2], rows))
    assert json.loads(reply.json()["outputs"][0]["data"][0])[:2] == [2, ["a", "b"]]
    assert _infer(server, _tensor("data", "BYTES", [1], ["no JSON"])).status == 400
