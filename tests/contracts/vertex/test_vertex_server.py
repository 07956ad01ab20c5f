"""What Vertex AI sets, and scripts of other forms under its contract.

After Google's page "Custom container requirements for prediction".
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plimsoll.command.settings import read_settings
from plimsoll.contracts.platform import Start
from plimsoll.errors import UsageError
from support.fixtures import Serve
from support.server import Client, free_port, wait_for

PLAIN = """
    import json
    def init(): pass
    def run(data, request_headers=None):
        rows = json.loads(data)["instances"]
        return {"predictions": rows, "model": "m"} if rows == ["whole"] else rows
"""
RAW = """
    from plimsoll.entry import rawhttp, Response
    def init(): pass
    @rawhttp
    def run(request): return Response(request.get_data(), 201, content_type="text/own")
"""
BATCHED = """
    from plimsoll.entry import batch
    def init(): pass
    @batch(max_size=8)
    def run(instances): return [sum(rows) for rows in instances]
"""
WANTING = """
    def init(): pass
    def run(instances, threshold): return instances
"""
SLOW = """
    import time
    def init(): time.sleep(3600)
    def run(instances): return instances
"""


def test_a_plain_script_gets_the_text_and_its_result_is_wrapped(serve: Serve) -> None:
    server = serve(PLAIN, "--contract", "vertex")
    assert server.post("/predict", b'{"instances": [1, 2]}').json() == {"predictions": [1, 2]}
    assert server.post("/predict", b'{"instances": ["whole"]}').json() == {"predictions": ["whole"], "model": "m"}
    reply = server.post("/predict", b"\xff")
    assert (reply.status, list(reply.json())) == (400, ["detail"])


def test_a_raw_script_answers_for_itself(serve: Serve) -> None:
    reply = serve(RAW, "--contract", "vertex").post("/predict", b"as it is")
    assert (reply.status, reply.headers["content-type"], reply.body) == (201, "text/own", b"as it is")


def test_batches_are_below_the_contract(serve: Serve) -> None:
    server = serve(BATCHED, "--contract", "vertex")
    assert server.post("/predict", b'{"instances": [1, 2]}').json() == {"predictions": 3}


def test_azure_mls_headers_stay_at_azure_mls_routes(serve: Serve) -> None:
    server = serve(PLAIN, "--contract", "vertex,azureml")
    body = b'{"instances": [1]}'
    assert "x-ms-run-function-failed" not in server.post("/predict", body).headers
    assert server.post("/score", body).headers["x-ms-run-function-failed"] == "False"
    assert server.post("/score", body).json() == [1]


def test_the_variables_of_vertex_choose_contract_port_and_routes(tmp_path: Path) -> None:
    script, client = tmp_path / "score.py", Client()
    script.write_text("def init(): pass\ndef run(instances): return instances\n")
    client.port = free_port()
    env = {"AIP_HTTP_PORT": str(client.port), "AIP_HEALTH_ROUTE": "/alive", "AIP_PREDICT_ROUTE": "/v1/m:predict"}
    with subprocess.Popen([sys.executable, "-m", "plimsoll"], cwd=tmp_path, env=env) as process:
        try:
            wait_for(client.is_ready, "readiness")
            assert client.get("/alive").status == 200
            assert client.post("/v1/m:predict", b'{"instances": [7]}').json() == {"predictions": [7]}
            assert client.post("/score", b'{"instances": [7]}').status == 404
            assert client.metric("plimsoll_requests_total", route="/v1/m:predict", outcome="ok") == 1
        finally:
            process.terminate()


def test_not_ready_is_503(serve: Serve) -> None:
    server = serve(SLOW, "--contract", "vertex", wait=False)
    wait_for(lambda: _status(server, "/health") == 503, "an answer")
    assert _status(server, "/health/live") == 200


def _status(server: Client, path: str) -> int | None:
    try:
        return server.get(path).status
    except OSError:
        return None


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"AIP_STORAGE_URI": "gs://bucket/model"}, ("gs://bucket/model", "--model-dir")),
        ({"AIP_PREDICT_ROUTE": "predict"}, ("AIP_PREDICT_ROUTE", "no path")),
        ({"AIP_PREDICT_ROUTE": "/a", "AIP_HEALTH_ROUTE": "/a"}, ("AIP_HEALTH_ROUTE", "both")),
    ],
)
def test_what_vertex_sets_and_cannot_be_honoured(serve: Serve, env: dict[str, str], said: tuple[str, ...]) -> None:
    server = serve(PLAIN, env=env, wait=False)
    assert server.wait_exit() == 1
    (line,) = [line for line in server.log().splitlines() if line.startswith("plimsoll: error:")]
    assert all(word in line for word in said)


def test_a_port_that_is_none() -> None:
    with pytest.raises(UsageError, match="environment AIP_HTTP_PORT = 'web': input should be a valid integer"):
        read_settings({}, Start({"AIP_HTTP_PORT": "web"}))


def test_a_run_that_wants_more_than_vertex_sends(serve: Serve) -> None:
    server = serve(WANTING, "--contract", "vertex", wait=False)
    assert server.wait_exit() == 3
    assert "threshold" in server.log()
