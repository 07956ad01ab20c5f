"""Runs a built-in entry script on a model, in an interpreter of its own, with whole requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from plimsoll.entry import builtin
from plimsoll.entry.loading.environment import environment
from plimsoll.entry.spec import EntrySpec

BYTES = "application/octet-stream"
_CHILD = """
import json, sys
from plimsoll.entry.call import Call, Head
from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec

given = json.load(sys.stdin)
try:
    script = Script.load(EntrySpec(**given["spec"]))
    script.init()
except BrokenScript as error:
    sys.exit(str(error))
answers = []
for call in given["calls"]:
    headers = [("content-type", call["content_type"]), ("accept", call["accept"])]
    answer = script.run(Call(Head(call["method"], "/score", headers), bytes.fromhex(call["body"])))
    answers.append([answer.status, dict(answer.headers).get("Content-Type", ""), answer.body.hex()])
print("RESULT", json.dumps(answers))
"""


@dataclass(frozen=True)
class BuiltinAnswer:
    status: int
    content_type: str
    body: bytes

    @property
    def value(self) -> Any:
        assert self.status == 200, self
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return json.loads(self.body)["message"]  # type: ignore[no-any-return]

    @property
    def arrays(self) -> dict[str, Any]:
        assert (self.status, self.content_type) == (200, BYTES), self
        with np.load(BytesIO(self.body), allow_pickle=False) as arrays:
            return dict(arrays)


def request(body: object = b"", *, content_type: str = "", accept: str = "*/*", method: str = "POST") -> dict[str, str]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"method": method, "content_type": content_type, "accept": accept, "body": raw.hex()}


def npy(array: Any) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def answers(name: str, model_dir: Path | None, *calls: dict[str, str]) -> list[BuiltinAnswer]:
    result = started(name, model_dir, *calls)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout.partition("RESULT ")[2])
    return [BuiltinAnswer(status, kind, bytes.fromhex(body)) for status, kind, body in told]


def started(name: str, model_dir: Path | None, *calls: dict[str, str]) -> subprocess.CompletedProcess[str]:
    folder = str(model_dir) if model_dir else None
    spec = {"entry_script": str(builtin.path(name)), "app_root": str(Path.cwd()), "model_dir": folder}
    inherited = {key: value for key, value in os.environ.items() if key != "AZUREML_MODEL_DIR"}
    return subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=json.dumps({"spec": spec, "calls": calls}),
        capture_output=True,
        text=True,
        timeout=240,
        env={**inherited, **environment(EntrySpec(**spec))},  # type: ignore[arg-type]
        check=False,
    )
