"""The stand-in for `azureml.ai.monitoring` compared with the package.

azureml_ai_monitoring.json is what azureml-ai-monitoring 1.0.0 does in the same cases, and what it sends: written by
azureml_ai_monitoring.py.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from collector_cases import CASES, OFF, told_id

from support.server import Server

RECORD: dict[str, Any] = json.loads(Path(__file__).with_name("azureml_ai_monitoring.json").read_text())
SCRIPT = f"""
    import json, sys
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    import numpy as np
    import pandas as pd
    from collector_cases import CASES, OFF, play
    def init(): pass
    def run(data): return play((CASES | OFF)[json.loads(data)], pd, np)
"""
_POSTED = {"collection": "c", "kind": "pandas.DataFrame", "attributes": {}, "data": [{"a": 1}]}
DIFFERENCES: dict[str, dict[str, Any]] = {
    # There the thread that sends ends, and nothing more is sent; here the record is counted, and on_error told.
    "the same column twice, with on_error": {
        "errors": ["ValueError: DataFrame columns must be unique for orient='records'."]
    },
    "an object that holds itself, with on_error": {
        "errors": [
            "ValueError: Unable to serialize object to JSON: encountered an unsupported object type;"
            " convert the column to a supported type (e.g. str) before calling to_json."
        ]
    },
    # There it is lost, which only the package's log says.
    "a context with a number for an id": {"posted": [_POSTED | {"correlation": "5", "time": "now"}]},
    # The time of an event is one.
    "a context with a time of its own kind": {"posted": [_POSTED | {"correlation": "mine", "time": "now"}]},
    "a context with a time in nanoseconds": {"posted": [_POSTED | {"correlation": "mine", "time": "now"}]},
    # The base class has no more than an id.
    "a context of the script's own": {
        "raised": None,
        "answer": "Mine",
        "id": "mine",
        "posted": [_POSTED | {"correlation": "mine", "time": "now"}],
    },
    "a context without headers": {"posted": [_POSTED | {"correlation": "", "time": "now"}]},
    # There a script that collects cannot be served where nothing is collected.
    "nothing is collected": {"raised": None, "answer": "BasicCorrelationContext", "id": "made"},
    "nothing is collected, with on_error": {"errors": []},
}


def answered(folder: Path, packages: Path, cases: dict[str, str], *flags: str) -> dict[str, dict[str, Any]]:
    script = folder / "score.py"
    script.write_text(dedent(SCRIPT))
    env = {"PYTHONPATH": os.pathsep.join(filter(None, [str(packages), os.environ.get("PYTHONPATH")]))}
    env["AZUREML_MDC_DEBUG"] = "true"  # which would have the package wrap its answers
    with Server(script, *flags, env=env) as server:
        found = {}
        for number, name in enumerate(cases):
            reply = server.post("/score", json.dumps(name).encode(), x_request_id=f"case-{number}")
            assert reply.status == 200, (name, reply.body)
            found[name] = reply.json()
        server.signal(signal.SIGTERM)
        server.wait_exit()
    return found


def posted(out: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The id of the request, and the record as the package would have sent it."""
    for file in sorted(out.glob("*/*/*/*/*/*/*/*.jsonl")):
        for event in map(json.loads, file.read_bytes().splitlines()):
            if event["type"] in ("azureml.inference.request", "azureml.inference.response"):
                continue
            yield (
                event["xrequestid"],
                {
                    "collection": event["type"].removeprefix("azureml.inference."),
                    "kind": event["collectdatatype"],
                    "correlation": told_id(event["correlationid"]),
                    "time": told_time(event["time"]),
                    "attributes": {key: event[key] for key in event.keys() - _ATTRIBUTES},
                    "data": event["data"],
                },
            )


_ATTRIBUTES = frozenset(
    ["specversion", "source", "type", "agent", "modelversion", "id", "time", "correlationid", "xrequestid"]
    + ["datacontenttype", "collectdatatype", "contentrange", "data"]
)


def told_time(text: str) -> str:
    at_s = datetime.fromisoformat(text).timestamp()
    return "now" if abs(at_s - datetime.now().timestamp()) < 600 else f"{at_s:.0f}"


def expected(name: str, recorded: dict[str, Any]) -> dict[str, Any]:
    sent = [
        {
            **{key: one[key] for key in ("collection", "kind", "correlation", "time")},
            "attributes": {re.sub("[^a-z0-9]", "", key[3:]): value for key, value in one["attributes"].items()},
            "data": json.loads(one["content"]),
        }
        for one in recorded["posted"]
    ]
    found = {key: recorded[key] for key in ("raised", "errors", "answer", "id")} | {"posted": sent}
    return found | DIFFERENCES.get(name, {})


def by_collection(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: record["collection"])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("record")
    out = folder / "out"
    answers = answered(folder, packages, CASES, "--collect", str(out))
    records: dict[str, list[dict[str, Any]]] = {}
    for request_id, record in posted(out):
        records.setdefault(request_id, []).append(record)
    named = {name: records.get(f"case-{number}", []) for number, name in enumerate(CASES)}
    off = answered(folder, packages, OFF)
    return {name: answer | {"posted": named.get(name, [])} for name, answer in (answers | off).items()}


@pytest.mark.parametrize("name", CASES | OFF)
def test_as_azures_package_but_for_the_differences(name: str, found: dict[str, dict[str, Any]]) -> None:
    wanted = expected(name, (RECORD["cases"] | RECORD["off"])[name])
    wanted["posted"] = by_collection(wanted["posted"])
    assert found[name] | {"posted": by_collection(found[name]["posted"])} == wanted


def test_the_record_is_of_these_cases() -> None:
    assert list(RECORD["cases"]) == list(CASES)
    assert list(RECORD["off"]) == list(OFF)
    assert RECORD["azureml-ai-monitoring"] == "1.0.0"
