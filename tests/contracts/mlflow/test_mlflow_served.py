"""A score.py under `--contract mlflow`: what clients of MLflow get, compared with the record of its server."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from mlflow_asked import ask, differs, recorded
from mlflow_cases import CASES, Case, json_case

from plimsoll.version import __version__
from support.fixtures import Serve
from support.server import wait_for

RECORD = recorded()["cases"]
SHAPES = """
def init(): pass
def run(model_input, params=None):
    if isinstance(model_input, dict):
        return {name: [str(value.dtype), list(value.shape)] for name, value in model_input.items()}
    return [str(model_input.dtype), list(model_input.shape)]
"""
DIGITS = """
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
def init():
    global model
    data, target = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=200).fit(data / 16, target)
def run(model_input):
    return model.predict(model_input)
"""
ECHO = """
import json, time
def init(): pass
def run(data):
    value = json.loads(data)
    if value == "fail":
        raise ValueError("a secret of the script")
    if value == "object":
        return object()
    if value == "sleep":
        time.sleep(60)
    return b"bytes" if value == "bytes" else value
"""
MLFLOW = ("--contract", "mlflow")
ANSWERED_BY_FRONT = [name for name, case in CASES.items() if case.method != "POST" or case.path != "/invocations"]
VERSION = "version"
OTHERS_TOO = "ping by POST"
"""Ours answers HEAD as well, and says so."""


def test_probes_and_what_is_no_request(serve: Serve) -> None:
    with serve(SHAPES, *MLFLOW) as server:
        answers = {name: ask(server.port, CASES[name]) for name in ANSWERED_BY_FRONT}
        head = server.request("HEAD", "/ping", None, {})
    assert {name: differs(answers[name], RECORD[name]) for name in answers if name not in (VERSION, OTHERS_TOO)} == {
        name: "" for name in answers if name not in (VERSION, OTHERS_TOO)
    }
    assert answers[VERSION]["text"] == mlflows_version()
    assert answers[OTHERS_TOO]["status"] == 405
    assert set(answers[OTHERS_TOO]["headers"]["allow"].split(", ")) == {"GET", "HEAD"}
    assert head.status == 200


def mlflows_version() -> str:
    try:
        return version("mlflow")
    except PackageNotFoundError:
        return __version__


def test_the_model_that_still_loads_is_not_ready(serve: Serve) -> None:
    slow = "import time\ndef init(): time.sleep(20)\ndef run(data): pass\n"
    with serve(slow, *MLFLOW, wait=False) as server:
        ping = Case("", method="GET", path="/ping", kind=None)
        found = wait_for(lambda: _asked(server.port, ping), "an answer")
    assert (found["status"], found["json"]["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")


def _asked(port: int, case: Case) -> dict[str, object] | None:
    try:
        return ask(port, case)
    except OSError:
        return None


TENSORS = ["no signature, inputs", "no signature, named inputs", "no signature, instances", "a repeated key"]
REFUSED = [
    "an unknown content type",
    "a form",
    "another charset",
    "an unknown parameter of the type",
    "the type in capitals",
    "no body",
    "broken json",
    "not utf-8",
    "a list",
    "a number",
    "no known key",
    "several keys",
    "rows of two lengths",
    "csv that is not utf-8",
]


def test_run_of_a_model_input_gets_arrays(serve: Serve) -> None:
    with serve(SHAPES, *MLFLOW) as server:
        found = {name: differs(ask(server.port, CASES[name]), RECORD[name]) for name in TENSORS}
        refused = {name: differs(ask(server.port, CASES[name]), RECORD[name], words=False) for name in REFUSED}
    assert set(found.values()) | set(refused.values()) == {""}, found | refused


@pytest.mark.models
def test_the_digits(serve: Serve) -> None:
    names = [name for name, case in CASES.items() if case.model == "digits" and b'"in' in case.body[:9]]
    names = [name for name in names if RECORD[name]["status"] == 200]
    with serve(DIGITS, *MLFLOW) as server:
        found = {name: differs(ask(server.port, CASES[name]), RECORD[name]) for name in names}
        azures = ask(server.port, json_case("", {"input_data": json.loads(CASES["inputs of a tensor"].body)["inputs"]}))
        raised = differs(ask(server.port, CASES["NaN"]), RECORD["NaN"], words=False)
    assert "big" in found
    assert set(found.values()) == {""}, found
    assert azures["json"] == {"predictions": [0, 7]}
    assert raised == ""


PARAMS = """
def init(): pass
def run(model_input, params=None, request_headers=None):
    return [model_input.tolist(), params, request_headers.get("X-Who")]
"""


def test_params_and_headers(serve: Serve) -> None:
    with serve(PARAMS, *MLFLOW) as server:
        with_params = server.post("/invocations", b'{"inputs": [1], "params": {"a": 2}}', x_who="me").json()
        without = server.post("/invocations", b'{"inputs": [1]}').json()
    assert with_params == {"predictions": [[1], {"a": 2}, "me"]}
    assert without == {"predictions": [[1], None, None]}


def test_every_other_run_gets_what_azure_ml_gives_it(serve: Serve) -> None:
    with serve(ECHO, "--contract", "mlflow,azureml") as server:
        bodies = [b'{"any": ["thing"]}', b'"bytes"', b'"fail"', b'"object"']
        echoed, as_it_is, failed, unusable = [server.post("/invocations", body) for body in bodies]
        assert server.post("/score", bodies[0]).json() == {"any": ["thing"]}
        server.wait_log("ValueError: a secret of the script")
    assert echoed.json() == {"predictions": {"any": ["thing"]}}
    assert (as_it_is.body, as_it_is.headers["content-type"]) == (b"bytes", "application/octet-stream")
    assert (failed.status, failed.json()["error_code"]) == (400, "BAD_REQUEST")
    assert b"secret" not in failed.body
    assert (unusable.status, unusable.json()["error_code"]) == (500, "INTERNAL_ERROR")


def test_a_failure_of_the_model_is_counted_as_one(serve: Serve) -> None:
    with serve(ECHO, *MLFLOW) as server:
        server.post("/invocations", b'"fail"')
        assert server.metric("plimsoll_requests_total", outcome="script_failed") == 1


def test_what_the_server_refuses_is_in_mlflows_words(serve: Serve) -> None:
    with serve(ECHO, *MLFLOW, "--scoring-timeout-ms", "300", "--max-body-bytes", "100") as server:
        slow = server.post("/invocations", b'"sleep"')
        large = server.post("/invocations", b'"' + b"x" * 200 + b'"')
    assert (slow.status, slow.json()["error_code"]) == (504, "DEADLINE_EXCEEDED")
    assert (large.status, large.json()["error_code"], large.json()["code"]) == (413, "BAD_REQUEST", "body_too_large")


BATCHED = """
from plimsoll.entry import batch
def init(): pass
@batch(max_size=4)
def run(model_input, params):
    return [[one.tolist(), given] for one, given in zip(model_input, params)]
"""


def test_batches(serve: Serve) -> None:
    with serve(BATCHED, *MLFLOW) as server:
        assert server.post("/invocations", b'{"inputs": [1, 2]}').json() == {"predictions": [[1, 2], None]}


RAW = """
from plimsoll.entry import rawhttp, Response
def init(): pass
@rawhttp
def run(request):
    if not request.get_data():
        raise ValueError
    return Response(request.get_data(), 202)
"""


def test_a_raw_script_answers_itself(serve: Serve) -> None:
    with serve(RAW, *MLFLOW) as server:
        answered, failed = server.post("/invocations", b"as it is"), server.post("/invocations", b"")
    assert (answered.status, answered.body) == (202, b"as it is")
    assert (failed.status, failed.json()["error_code"]) == (500, "INTERNAL_ERROR")


def test_builtin_mlflow_without_mlflow_says_what_to_install(serve: Serve, tmp_path: Path) -> None:
    if mlflows_version() != __version__:
        pytest.skip("mlflow is installed")
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    with serve("", "--entry-script", "builtin:mlflow", "--model-dir", str(tmp_path), wait=False) as server:
        assert server.wait_exit() == 3
        assert "mlflow is not installed (pip install 'plimsoll-runtime[mlflow]')" in server.log()
