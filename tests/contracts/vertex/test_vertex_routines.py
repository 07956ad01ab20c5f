"""{"instances": …}, served: the same answers as Google's own server of custom prediction routines.

The outside reference is google-cloud-aiplatform: routines.json is what its server answers to the same requests with a
predictor that does what our script does, written by routines.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vertex_cases import CASES, HEALTH, PREDICT, SCRIPT, WEIGHTS_FILE

from support.server import Reply, Server

GOOGLES: dict[str, Any] = json.loads(Path(__file__).with_name("routines.json").read_text())["answers"]
DIFFERENT = {
    "what is no JSON": (400, 500, "a result that cannot be sent is the script's mistake, not the client's"),
    "no instances": (500, 400, "a request without instances is the client's mistake"),
    "a list": (500, 400, "a request that is no object is the client's mistake"),
    "not utf-8": (500, 400, "so are bytes that are no text"),
}
"""Status there, status here, and why; each is a row in docs/behaviour.md."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("vertex")
    (folder / "score.py").write_text(SCRIPT)
    (folder / "model").mkdir()
    (folder / "model" / "weights.json").write_text(WEIGHTS_FILE)
    env = {
        "AIP_HEALTH_ROUTE": HEALTH,
        "AIP_PREDICT_ROUTE": PREDICT,
        "AIP_STORAGE_URI": f"file://{folder / 'model'}",
        "AZUREML_MODEL_DIR": "/var/azureml-app",  # as our images set it
    }
    with Server(folder / "score.py", env=env) as server:
        yield server


def ask(server: Server, name: str) -> Reply:
    case = CASES[name]
    headers = {"content-type": case.content_type} if case.content_type is not None else {}
    headers |= {"accept": case.accept} if case.accept is not None else {}
    return server.request(case.method, case.path, case.body, headers)


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENT])
def test_the_same_answers_as_googles_server(server: Server, name: str) -> None:
    theirs, ours = GOOGLES[name], ask(server, name)
    assert ours.status == theirs["status"]
    assert ours.headers["content-type"] == "application/json", "theirs repeats the Accept header here"
    said = json.loads(base64.b64decode(theirs["body"]))
    if theirs["status"] == 200:
        assert repr(ours.json()) == repr(said)  # with NaN, which equals nothing
    else:
        assert list(ours.json()) == list(said) == ["detail"]


@pytest.mark.parametrize("name", DIFFERENT)
def test_whose_mistake_it_is_shows_in_the_status(server: Server, name: str) -> None:
    theirs, ours, _ = DIFFERENT[name]
    reply = ask(server, name)
    assert (GOOGLES[name]["status"], reply.status) == (theirs, ours)
    assert list(reply.json()) == ["detail"]


def test_a_failing_script_says_nothing_of_itself(server: Server) -> None:
    assert "told to fail" in base64.b64decode(GOOGLES["failing"]["body"]).decode()
    assert "told to fail" not in ask(server, "failing").body.decode()
    server.wait_log("ValueError: told to fail")
