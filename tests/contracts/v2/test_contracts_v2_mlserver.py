"""Every request of the record: the same status and equal values as MLServer, or a difference with its reason here and
in docs/behaviour.md.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from mlserver_cases import CASES
from v2_served import Builtin

from support.server import Reply, Server

RECORD = json.loads(Path(__file__).with_name("mlserver.json").read_text())["answers"]
BAD_TENSOR = "a tensor that is not what it says is the client's mistake: 400, not 500"
NOT_INFINITE = "a number that its datatype cannot hold is the client's mistake, not an infinity"
SHAPE_KEPT = "an array of one dimension, or of none, keeps its shape"
DIFFERENT: dict[str, tuple[int, str]] = {
    "server metadata": (200, "it is another server, and it takes tensors as bytes"),
    **dict.fromkeys(("live", "ready", "model ready"), (200, "KServe's client reads a body, theirs is empty")),
    "model metadata": (200, "it says what the model takes and gives"),
    **dict.fromkeys(
        ("63 features", "one dimension", "text for a digit", "no digit", "text in numbers", "null in whole numbers"),
        (400, BAD_TENSOR),
    ),
    **dict.fromkeys(
        ("too large for INT8", "negative for UINT8", "too few values", "too many values"), (400, BAD_TENSOR)
    ),
    **dict.fromkeys(("ragged rows", "a huge shape", "an overflowing shape", "an object as data"), (400, BAD_TENSOR)),
    **dict.fromkeys(("too large for UINT8", "too large for INT64", "too large for UINT64"), (400, BAD_TENSOR)),
    **dict.fromkeys(("too large for INT8, as a float", "too large for INT64, as a float"), (400, BAD_TENSOR)),
    "negative for UINT64, as a float": (400, BAD_TENSOR),
    **dict.fromkeys(
        [f"too large for {datatype}" for datatype in ("FP16", "FP32", "FP32, and whole", "FP64")], (400, NOT_INFINITE)
    ),
    "a body as deflate": (200, "tritonclient sends it"),
    **dict.fromkeys(("no gzip", "gzip that is cut off"), (400, "it says which coding the body has not")),
    "an unknown coding": (415, "what cannot be unpacked is not read as if it were JSON"),
    "numbers as text": (400, "a text is no number"),
    "fractions for whole numbers": (400, "a fraction is not cut off"),
    "a negative size": (400, "a shape says sizes"),
    "two of one name": (400, "run() gets tensors by name"),
    "another content type": (200, "the protocol has no other format that this could be"),
    "nested otherwise than the shape": (200, SHAPE_KEPT),
    **dict.fromkeys(("BYTES of one dimension", "one dimension back", "a scalar"), (200, SHAPE_KEPT)),
    **dict.fromkeys(("data that is no list", "a number as text in the shape", "parameters"), (200, SHAPE_KEPT)),
}


@pytest.mark.parametrize("name", CASES)
def test_each_request_of_the_record(name: str, builtin: Builtin, identity: Server) -> None:
    case, recorded = CASES[name], RECORD[name]
    server = builtin("sklearn") if case.model == "digits" else identity
    headers = {key.replace("-", "_"): value for key, value in case.headers.items()}
    if case.body is not None:
        headers = {"content_type": "application/json", **headers}
    reply = server.request(case.method, f"/v2/{case.path}".rstrip("/"), case.sent(), headers)
    status, reason = DIFFERENT.get(name, (recorded["status"], ""))
    assert reply.status == status, reply
    said, theirs = _essence(_said(reply), name), _essence(recorded["body"], name)
    if reason == SHAPE_KEPT:
        said, theirs = _without_shapes(said), _without_shapes(theirs)
    elif reason:
        assert reply.status == 200 or reply.json()["error"]
        return
    assert _is_equal(said, theirs)


def test_the_record_is_long_enough_and_differs_where_it_says() -> None:
    assert len(CASES) >= 40
    assert set(RECORD) == set(CASES)
    assert {name for name in DIFFERENT if name not in CASES} == set()


def _said(reply: Reply) -> Any:
    return reply.json() if reply.body else ""


def _essence(said: Any, name: str) -> Any:
    """Without an id that nobody asked for, MLServer's own parameters, and what an input was."""
    if not isinstance(said, dict):
        return said
    if "model_name" in said:
        named = {one["name"]: [one["datatype"], one["shape"], one["data"]] for one in said["outputs"]}
        return [said["model_name"], said.get("model_version"), said.get("id") if _asks_id(name) else None, named]
    if not isinstance(said.get("detail"), list):
        return said.get("detail", "error" in said)
    # Where in the text JSON ends to be JSON is for each parser to say.
    return [
        (one["type"], one["loc"][: 1 if one["type"] == "json_invalid" else 4], one["msg"]) for one in said["detail"]
    ]


def _without_shapes(said: Any) -> Any:
    return {name: (datatype, data) for name, (datatype, _, data) in said[3].items()}


def _is_equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_is_equal(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(_is_equal, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-6)
    return type(ours) is type(theirs) and bool(ours == theirs)


def _asks_id(name: str) -> bool:
    body = CASES[name].body
    content = json.loads(body) if isinstance(body, str) else body
    return isinstance(content, dict) and content.get("id") is not None
