"""What goes wrong before or beside run(): under every contract in its own words, and no worker ends."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from plimsoll.contracts.fronts import Fronts
from plimsoll.contracts.spoken import spoken
from plimsoll.contracts.vertex.codec import make_codec as vertexs
from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.codec import Codec, LoadedScript
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import UsageError
from plimsoll.settings.serving import ServeSettings
from support.fixtures import Serve
from support.server import PATIENCE_S

SCORE = "def init(): pass\ndef run(data): return data\n"
BATCHES = """
from plimsoll.entry import batch
def init(): pass
@batch(max_size=8)
def run(instances, parameters=None):
    return list(zip(instances, parameters or ["none"] * len(instances)))
"""
JSON = [("content-type", "application/json")]
MAIN = {"sagemaker": "/invocations", "mlflow": "/invocations", "vertex": "/predict", "v2": "/v2/models/model/infer"}
MESSAGE = {"sagemaker": "message", "mlflow": "message", "vertex": "detail", "v2": "error"}


def _script(folder: Path, source: str) -> Script:
    (folder / "score.py").write_text(source)
    script = Script.load(EntrySpec(str(folder / "score.py"), str(folder)))
    script.init()
    return script


def _call(contract: str, content: Any) -> Call:
    return Call(Head("POST", "/", JSON, contract=contract), json.dumps(content).encode())


def _content(answer: Answer) -> Any:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


@pytest.mark.parametrize("first", [0, 1])
def test_a_batch_keeps_the_parameters_of_each_request(first: int, tmp_path: Path) -> None:
    script = _script(tmp_path, BATCHES)
    script.speak({"vertex": vertexs})
    sent: list[dict[str, Any]] = [{"instances": [1]}, {"instances": [2], "parameters": {"a": 1}}]
    order = [sent[first], sent[1 - first], sent[0]]
    answers = script.run_batch([_call("vertex", one) for one in order])
    expected = [[one["instances"], one.get("parameters", "none")] for one in order]
    assert [_content(answer)["predictions"] for answer in answers] == expected


@pytest.mark.parametrize("decorator", ["", "from plimsoll.entry import batch\n@batch(max_size=2)\n"])
def test_a_request_that_cannot_be_read_fails_alone(decorator: str, tmp_path: Path) -> None:
    def broken(script: LoadedScript) -> Codec:
        codec = vertexs(script)
        codec.read = lambda call: {}["missing"]  # type: ignore[method-assign]
        return codec

    script = _script(tmp_path, f"def init(): pass\n{decorator}def run(data): return [1]\n")
    script.speak({"vertex": broken})
    answers = script.run_batch([_call("vertex", 1), Call(Head(), b"1")])
    assert [answer.status for answer in answers] == [500, 200]
    assert list(_content(answers[0])) == ["detail"]


@pytest.mark.parametrize("contract", MAIN)
def test_the_connection_refuses_in_the_contracts_words(contract: str, serve: Serve) -> None:
    """What never gets as far as a queue: an id too long, a chunked body too large, a missing key."""
    server = serve(SCORE, "--contract", contract, "--max-body-bytes", "1000")
    reply = server.post(MAIN[contract], b"{}", **{"x-request-id": "a" * 101})
    assert reply.status == 431
    assert "100 characters" in reply.json()[MESSAGE[contract]]
    assert "x-ms-run-function-failed" not in reply.headers
    reply = server.request("POST", MAIN[contract], _chunks(), {"x-request-id": "mine"})  # type: ignore[arg-type]
    assert reply.status == 413
    assert reply.headers["x-request-id"] == "mine"


NO_REQUESTS = {
    b"hello\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n": 400,
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n": 400,
    b"POST / HTTP/3.1\r\nhost: a\r\n\r\n": 505,
    b"POST / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 70_000 + b"\r\n\r\n": 431,
    b"POST / HTTP/1.1\r\nhost: a\r\nexpect: x\r\ncontent-length: 0\r\n\r\n": 417,
}


@pytest.mark.parametrize("contract", MAIN)
def test_what_is_no_request_is_refused_in_the_first_contracts_words(contract: str, serve: Serve) -> None:
    server = serve(SCORE, "--contract", contract if contract == "v2" else f"{contract},azureml")
    for sent, status in NO_REQUESTS.items():
        head, _, body = _raw(server.port, sent).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), head
        assert json.loads(body)[MESSAGE[contract]]
        assert b"x-request-id: " in head
        assert b"x-ms-run-function-failed" not in head


def _raw(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


ODD = """
from plimsoll.entry import Tensor, signature
from werkzeug.wrappers import Response
def init(): pass
@signature([Tensor("x", "FP32", [-1])])
def run(x):
    return Response("a", status=600)
"""


@pytest.mark.parametrize("contract", MAIN)
def test_what_a_script_cannot_take_or_give_is_said_in_the_contracts_words(contract: str, serve: Serve) -> None:
    server = serve(ODD, "--contract", contract)
    reply = server.post(MAIN[contract], b'{"inputs": []}')
    assert (reply.status, reply.json()[MESSAGE[contract]]) == (400, "The tensor 'x' is missing.")
    assert ("error_code" in reply.json()) == (contract == "mlflow")
    x = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
    reply = server.post(MAIN[contract], json.dumps({"inputs": [x]} if contract == "v2" else {"x": [1]}).encode())
    assert (reply.status, list(reply.json())[-1]) == (500, MESSAGE[contract])


ASYNC = """
import itertools
calls = itertools.count()
def init(): pass
async def run(data):
    return [1, 2] if next(calls) == 0 else (part for part in "ab")
"""


@pytest.mark.parametrize("contract", MAIN)
def test_async_results_and_streams_under_every_contract(contract: str, serve: Serve) -> None:
    server, body = serve(ASYNC, "--contract", contract), b'{"inputs": []}'
    reply = server.post(MAIN[contract], body)
    assert (reply.status, b"[1, 2]" in reply.body) == (200, True), reply
    reply = server.post(MAIN[contract], body)
    assert (reply.status, reply.headers["transfer-encoding"], reply.body) == (200, "chunked", b"ab")


OPEN = {
    "azureml": ("/", "/swagger.json", "/openapi.json"),
    "sagemaker": ("/ping",),
    "vertex": ("/health",),
    "mlflow": ("/ping", "/health", "/version"),
    "v2": ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/model", "/v2/models/model/ready"),
}


@pytest.mark.parametrize("contract", OPEN)
def test_every_contract_asks_for_the_key_and_says_how(contract: str, serve: Serve, tmp_path: Path) -> None:
    """Not for probes and descriptions: who checks or calls a service has no key, or none yet."""
    (tmp_path / "keys").write_text("k" * 40 + "\n")
    server = serve(SCORE, "--contract", contract, "--api-keys-file", str(tmp_path / "keys"))
    reply = server.post(MAIN.get(contract, "/score"), b"{}")
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
    for path in (*OPEN[contract], "/health/live", "/health/ready"):
        assert server.get(path).status == 200, path


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("AIP_PREDICT_ROUTE", "/metrics"),
        ("AIP_PREDICT_ROUTE", "/health/ready"),
        ("AIP_HEALTH_ROUTE", "/metrics"),
        ("AIP_PREDICT_ROUTE", "/a%3Ab"),
    ],
)
def test_routes_of_vertex_do_not_hide_the_servers(name: str, path: str) -> None:
    with pytest.raises(UsageError, match=path):
        Fronts(ServeSettings(contract="vertex"), {name: path})


@pytest.mark.parametrize(
    ("name", "path", "other"),
    [
        ("AIP_PREDICT_ROUTE", "/v2/models/model/infer", "v2"),
        ("AIP_HEALTH_ROUTE", "/v2/models/model/ready", "v2"),
        ("AIP_HEALTH_ROUTE", "/v2/health/ready", "v2"),
        ("AIP_PREDICT_ROUTE", "/invocations", "mlflow"),
        ("AIP_HEALTH_ROUTE", "/ping", "sagemaker"),
        ("AIP_PREDICT_ROUTE", "/score", "azureml"),
    ],
)
def test_routes_of_vertex_do_not_hide_another_contracts(name: str, path: str, other: str, serve: Serve) -> None:
    routes = {"AIP_PREDICT_ROUTE": "/p", "AIP_HEALTH_ROUTE": "/h", name: path}
    server = serve(SCORE, "--contract", f"vertex,{other}", env=routes, wait=False)
    assert server.wait_exit() == 1
    assert f"vertex and {other} both answer {path}" in server.log()


def test_a_probe_of_the_servers_may_be_vertexs_too() -> None:
    assert Fronts(ServeSettings(contract="vertex"), {"AIP_HEALTH_ROUTE": "/health/ready"}).main == "/predict"


@pytest.mark.parametrize("name", ["my model", "a%20b", "a?b", "a#b", "modèle"])
def test_whoever_calls_by_the_models_name_sends_a_path(name: str, serve: Serve, tmp_path: Path) -> None:
    settings = ServeSettings(contract="v2", model_name=name)
    request = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]})
    (tmp_path / "rows.jsonl").write_text(request + "\n")
    server = serve(SCORE, "--contract", "v2", "--model-name", name, "--warmup", str(tmp_path / "rows.jsonl"))
    reply = server.post(spoken(settings, {}).path, request.encode())
    assert (reply.status, reply.json().get("model_name")) == (200, name)


def _chunks() -> Any:
    yield b"x" * 2000
