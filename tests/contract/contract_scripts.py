"""Loads a score.py in an interpreter of its own, as a worker would, and has it answer calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from plimsoll.entry.loading.environment import environment
from plimsoll.entry.spec import EntrySpec

RunScript = Callable[..., "ScriptRun"]
JSON = ("content-type", "application/json")
SCRIPT_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."

_CHILD = """
import json, sys
from plimsoll.entry.call import Call, Head
from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec

def described(answer):
    body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
    return [answer.status, answer.headers, body.hex(), answer.run_function_failed, answer.is_error]

given = json.load(sys.stdin)
result = {"answers": [], "swaggers": {}, "error": None, "max_batch": None}
try:
    script = Script.load(EntrySpec(**given["spec"]))
    script.init()
    calls = [Call(Head(c["method"], c["target"], [tuple(h) for h in c["headers"]]), bytes.fromhex(c["body"]))
             for c in given["calls"]]
    if script.batch:
        result["max_batch"] = script.batch.max_size
    answers = script.run_batch(calls) if script.batch else [script.run(call) for call in calls]
    result["answers"] = [described(answer) for answer in answers]
    result["swaggers"] = script.swaggers()
except BrokenScript as error:
    result["error"] = str(error)
print("RESULT", json.dumps(result))
"""


@dataclass(frozen=True)
class ScriptAnswer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    run_function_failed: bool | None
    is_error: bool

    @property
    def value(self) -> Any:
        assert self.status == 200, self
        return json.loads(self.body)

    @property
    def message(self) -> str:
        assert self.is_error, self
        return json.loads(self.body)["message"]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class ScriptRun:
    """`error` is what stopped the script from loading; `log` what it wrote to stderr."""

    answers: list[ScriptAnswer]
    swaggers: dict[str, Any]
    error: str | None
    max_batch: int | None
    log: str = field(repr=False)

    def values(self) -> list[Any]:
        return [answer.value for answer in self.answers]


def post(value: Any, *headers: tuple[str, str]) -> dict[str, object]:
    """A POST; bytes go as they are, everything else as JSON with its content type."""
    if isinstance(value, bytes):
        return _call("POST", "/score", headers, value)
    return _call("POST", "/score", (*headers, JSON), json.dumps(value).encode())


def other(method: str, target: str = "/score") -> dict[str, object]:
    return _call(method, target, (), b"")


def run_script(
    folder: Path, source: str, calls: Iterable[Mapping[str, object]], options: Mapping[str, object], site: Path | None
) -> ScriptRun:
    script = folder / "score.py"
    script.write_text(dedent(source))
    spec = EntrySpec(str(script), str(folder), **options)  # type: ignore[arg-type]
    result = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=json.dumps({"spec": asdict(spec), "calls": list(calls)}),
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **environment(spec), "PYTHONPATH": str(site or "")},
        cwd=folder,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout.partition("RESULT ")[2])
    answers = [_answer(*described) for described in told.pop("answers")]
    return ScriptRun(answers=answers, log=result.stderr, **told)


def _call(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> dict[str, object]:
    return {"method": method, "target": target, "headers": list(headers), "body": body.hex()}


def _answer(
    status: int, headers: list[list[str]], body: str, run_function_failed: bool | None, is_error: bool
) -> ScriptAnswer:
    pairs = [(name, value) for name, value in headers]
    return ScriptAnswer(status, pairs, bytes.fromhex(body), run_function_failed, is_error)
