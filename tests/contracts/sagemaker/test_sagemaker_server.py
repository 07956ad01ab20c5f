"""What Amazon SageMaker asks of a container: `serve`, /ping, /invocations, its folders and variables.

After the page "Custom inference code with hosting services" of its developer guide.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.fixtures import Serve
from support.server import Client, Server, free_port, wait_for

FLAGS = ("--contract", "sagemaker")
ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
HEADERS = """
    def init(): pass
    def run(data, request_headers):
        return request_headers["X-Amzn-Sagemaker-Custom-Attributes"]
"""
RAW = """
    from plimsoll.entry import rawhttp, Response
    def init(): pass
    @rawhttp
    def run(request):
        given = request.headers["X-Amzn-SageMaker-Custom-Attributes"]
        return Response(request.get_data(), headers={"X-Amzn-SageMaker-Custom-Attributes": f"seen={given}"})
"""
SLOW = """
    import time
    def init(): time.sleep(3600)
    def run(data): return data
"""
INFERENCE = """
import os
def model_fn(model_dir): return os.listdir(model_dir)
def input_fn(data, content_type): return data
def predict_fn(data, model): return {"model": model, "file": __file__}
"""


@contextmanager
def started(folder: Path, *arguments: str, **variables: str) -> Iterator[Client]:
    """`plimsoll ARGUMENTS` as the image starts it, on a port of SageMaker's choice."""
    client = Client()
    client.port = free_port()
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PLIMSOLL_", "AZUREML_", "AML_"))}
    env = kept | {"SAGEMAKER_BIND_TO_PORT": str(client.port), "SAGEMAKER_BASE_DIR": str(folder)} | variables
    with subprocess.Popen([sys.executable, "-m", "plimsoll", *arguments], cwd=folder, env=env) as process:
        try:
            wait_for(lambda: client.is_ready() or process.poll() is not None, "readiness")
            yield client
        finally:
            process.terminate()


def test_a_plain_score_gets_and_gives_what_it_does_at_score(serve: Serve) -> None:
    server = serve(ECHO, *FLAGS)
    for path in ("/invocations", "/invocations?a=1", "/%69nvocations"):
        reply = server.post(path, b'{"rows": [1]}')
        assert (reply.status, reply.json()) == (200, {"rows": [1]})
    assert server.metric("plimsoll_requests_total", route="/invocations", outcome="ok") == 3
    assert "x-ms-run-function-failed" not in reply.headers


def test_errors_are_in_the_form_of_sagemakers_server(serve: Serve) -> None:
    server = serve(ECHO, *FLAGS, "--max-body-bytes", "100")
    expected = {
        b"\xff": (400, "BadRequestException"),
        b"no json": (500, "InternalServerException"),
        b"1" * 101: (413, "RequestEntityTooLargeException"),
    }
    for body, (status, kind) in expected.items():
        reply = server.post("/invocations", body)
        assert (reply.status, reply.json()["code"], reply.json()["type"]) == (status, status, kind)
    assert server.post("/score", b"1").json()["type"] == "ResourceNotFoundException"
    assert server.get("/invocations").json()["type"] == "MethodNotAllowedException"


def test_keys_are_asked_for_there_too(serve: Serve, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a-key-0123456789\n")
    server = serve(ECHO, *FLAGS, "--api-keys-file", str(keys))
    assert server.post("/invocations", b"1").status == 401
    assert server.get("/ping").status == 200


def test_a_ping_says_whether_it_is_ready(serve: Serve) -> None:
    reply = serve(ECHO, *FLAGS).get("/ping")
    assert (reply.status, reply.body) == (200, b"")
    loading = serve(SLOW, *FLAGS, wait=False)
    wait_for(lambda: _pinged(loading) == 503, "an answer")


def _pinged(server: Client) -> int | None:
    try:
        return server.get("/ping").status
    except OSError:
        return None


def test_custom_attributes_go_in_and_out(serve: Serve) -> None:
    given = {"X_Amzn_SageMaker_Custom_Attributes": "trace=1"}
    assert serve(HEADERS, *FLAGS).post("/invocations", b"1", **given).json() == "trace=1"
    reply = serve(RAW, *FLAGS).post("/invocations", b"1", **given)
    assert reply.headers["x-amzn-sagemaker-custom-attributes"] == "seen=trace=1"


def test_both_contracts_at_once(serve: Serve) -> None:
    server = serve(ECHO, "--contract", "azureml,sagemaker")
    assert server.post("/score", b"7").json() == server.post("/invocations", b"7").json() == 7
    assert server.get("/").body == b"Healthy"


def test_the_word_serve_alone_serves_what_lies_in_the_models_folder(tmp_path: Path) -> None:
    code = tmp_path / "model" / "code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(INFERENCE)
    with started(tmp_path, "serve", AZUREML_MODEL_DIR="/var/azureml-app", AML_APP_ROOT=str(tmp_path)) as client:
        assert client.get("/ping").body == b""
        assert client.post("/invocations", b"1").json() == {"model": ["code"], "file": str(code / "inference.py")}
        assert client.get("/score").status == 404


def test_the_program_that_sagemaker_names(tmp_path: Path) -> None:
    code = tmp_path / "elsewhere"
    code.mkdir()
    (code / "mine.py").write_text(INFERENCE)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").touch()
    named = {"SAGEMAKER_PROGRAM": "mine.py", "SAGEMAKER_SUBMIT_DIRECTORY": str(code)}
    with started(tmp_path, "--contract=sagemaker", **named) as client:
        assert client.post("/invocations", b"1").json()["file"] == str(code / "mine.py")


def test_the_default_of_what_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "inference.py").write_text("def model_fn(m): return 0\ndef predict_fn(data, m): return data\n")
    with started(tmp_path, "serve", SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv") as client:
        reply = client.post("/invocations", b"[[1, 2]]")
        assert (reply.headers["content-type"], reply.body) == ("text/csv", b"1,2\n")


def test_without_predict_fn_the_models_own_is_called(tmp_path: Path) -> None:
    script = tmp_path / "inference.py"
    script.write_text(
        "class Model:\n    def predict(self, data): return data.sum(axis=1)\ndef model_fn(m): return Model()\n"
    )
    with Server(script, *FLAGS) as server:
        assert server.post("/invocations", b"[[1, 2], [3, 4]]").json() == [3, 7]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def predict_fn(data, model): return data", "Please provide a model_fn implementation"),
        ("def model_fn(m): pass\ndef transform_fn(*a): pass\ndef input_fn(*a): pass", "Cannot use transform_fn"),
        ("def model_fn(m): raise OSError('no weights')", "no weights"),
        ("import a_package_of_nobody\ndef model_fn(m): pass", "RUN plimsoll-install requirements.txt"),
    ],
)
def test_a_script_that_cannot_be_served_says_so(tmp_path: Path, source: str, said: str) -> None:
    script = tmp_path / "inference.py"
    script.write_text(source)
    (tmp_path / "requirements.txt").write_text("a_package_of_nobody\n")
    with Server(script, *FLAGS, wait=False) as server:
        assert server.wait_exit() == 3
        assert said in server.log()


def test_without_the_contract_the_line_names_it(tmp_path: Path) -> None:
    script = tmp_path / "inference.py"
    script.write_text(INFERENCE)
    with Server(script, wait=False) as server:
        assert server.wait_exit() == 3
        assert "--contract sagemaker" in server.log()


def test_the_traceback_is_in_the_log_alone(tmp_path: Path) -> None:
    script = tmp_path / "inference.py"
    script.write_text("def model_fn(m): return 0\ndef predict_fn(data, m): raise ValueError('no such thing')\n")
    with Server(script, *FLAGS) as server:
        reply = server.post("/invocations", b"1")
        assert (reply.status, reply.body) == (500, b"no such thing")
        server.wait_log("Traceback (most recent call last)")


def test_a_script_with_run_is_a_score_whatever_its_name(tmp_path: Path) -> None:
    script = tmp_path / "inference.py"
    script.write_text("def model_fn(m): pass\ndef init(): pass\ndef run(data): return 'run'\n")
    with Server(script, *FLAGS) as server:
        assert server.post("/invocations", b"1").json() == "run"
