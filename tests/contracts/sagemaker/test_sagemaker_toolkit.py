"""inference.py, served: the same answers as SageMaker's own toolkit in its own server.

The outside reference is sagemaker-inference in the multi-model server: toolkit.json is what they answer to the same
requests, written by toolkit.py.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sagemaker_cases import CASES, SCRIPTS, WEIGHTS_FILE, Case

from support.server import Reply, Server

AWS: dict[str, Any] = json.loads(Path(__file__).with_name("toolkit.json").read_text())["answers"]
DIFFERENT = {
    "ping": "ours has an empty body",
    "unknown path": "the message is shorter",
    "npy of objects": "nothing is unpickled: a request that can bring objects can run any code",
    "npy that is none": "unpickled there, refused here",
    "another method": "SageMaker itself sends POST, and nothing else reaches a script",
}
"""Each has a test of its own, and a row in docs/behaviour.md."""
FLAGS = ("--contract", "sagemaker")


class Served:
    """One server per script, started when it is first asked."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.server = cache(self._start)

    def _start(self, script: str) -> Server:
        code = self._folder / script / "model" / "code"
        code.mkdir(parents=True, exist_ok=True)
        (code / "inference.py").write_text(SCRIPTS[script])
        (code.parent / "weights.json").write_text(WEIGHTS_FILE)
        return self._stack.enter_context(Server(code / "inference.py", "--model-dir", str(code.parent), *FLAGS))

    def ask(self, case: Case) -> Reply:
        headers = dict(case.headers)
        if case.content_type is not None:
            headers["content-type"] = case.content_type
        if case.accept is not None:
            headers["accept"] = case.accept
        return self.server(case.script).request(case.method, case.path, case.body, headers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with ExitStack() as stack:
        yield Served(tmp_path_factory.mktemp("served"), stack)


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENT])
def test_the_same_answers_as_the_toolkit(served: Served, name: str) -> None:
    theirs, ours = AWS[name], served.ask(CASES[name])
    body = base64.b64decode(theirs["body"])
    assert ours.status == theirs["status"]
    if theirs["status"] != 200:
        said, _, _ = body.decode().partition("\nTraceback (most recent call last):")
        assert ours.body.decode() == said, "their message, without their traceback"
        return
    assert ours.headers["content-type"] == theirs["content_type"]
    assert ours.headers.get("x-amzn-sagemaker-custom-attributes") == theirs["attributes"]
    assert read(ours.body, theirs["content_type"]) == read(body, theirs["content_type"])


def read(body: bytes, content_type: str) -> Any:
    """Bytes where the script said that it is something else than it is."""
    if content_type == "application/x-npy":
        array = np.load(io.BytesIO(body))
        return array.dtype, array.shape, array.tolist()
    if content_type == "application/json":
        try:
            return repr(json.loads(body))  # with NaN, which equals nothing
        except ValueError:
            return body
    return body


def test_nothing_is_unpickled(served: Served) -> None:
    theirs, ours = AWS["npy of objects"], served.ask(CASES["npy of objects"])
    assert (theirs["status"], ours.status) == (200, 500)
    assert "allow_pickle=False" in ours.body.decode()


def test_a_body_that_is_no_npy_file(served: Served) -> None:
    theirs, ours = AWS["npy that is none"], served.ask(CASES["npy that is none"])
    assert theirs["status"] == ours.status == 500
    assert "as a pickle" in base64.b64decode(theirs["body"]).decode()
    assert ours.body.startswith(b"This file contains pickled (object) data.")


def test_only_post_reaches_the_script(served: Served) -> None:
    theirs, ours = AWS["another method"], served.ask(CASES["another method"])
    assert (theirs["status"], ours.status) == (200, 405)
