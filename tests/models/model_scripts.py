"""Runs an entry script on its real model, in an interpreter of its own as a worker would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plimsoll.entry.loading.environment import environment
from plimsoll.entry.spec import EntrySpec

ENTRY_SCRIPTS = Path(__file__).resolve().parents[2] / "entry_scripts"

# Calls from stdin, run on several threads at once; their answers in the same order to stdout.
CHILD = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from plimsoll.entry.call import Call, Head
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec

script_path, folder, model_dir, threads = sys.argv[1:]
script = Script.load(EntrySpec(script_path, folder, model_dir=model_dir))
script.init()
calls = [Call(Head(method), bytes.fromhex(body)) for method, body in json.load(sys.stdin)]
with ThreadPoolExecutor(int(threads)) as pool:
    answers = list(pool.map(script.run, calls))
print("ANSWERS", json.dumps([[a.status, a.body.decode(), a.run_function_failed] for a in answers]))
"""


@dataclass(frozen=True)
class ModelAnswer:
    status: int
    body: str
    run_function_failed: bool | None

    def value(self) -> Any:
        assert self.status == 200, self
        return json.loads(self.body)


@dataclass(frozen=True)
class BuiltModel:
    """What the maker of entry script `name` wrote into `out`, and what it said."""

    name: str
    out: Path
    said: str

    def bodies(self) -> list[bytes]:
        return (self.out / "requests.txt").read_bytes().splitlines()

    def expected(self) -> list[Any]:
        return [json.loads(line) for line in (self.out / "expected.txt").read_text().splitlines()]

    def answers(self, *calls: tuple[str, bytes], threads: int = 2) -> list[ModelAnswer]:
        folder = ENTRY_SCRIPTS / self.name
        spec = EntrySpec(str(folder / "score.py"), str(folder), model_dir=str(self.out / "model"))
        result = subprocess.run(
            [sys.executable, "-c", CHILD, spec.entry_script, spec.app_root, spec.model_dir or "", str(threads)],
            input=json.dumps([(method, body.hex()) for method, body in calls]),
            capture_output=True,
            text=True,
            timeout=240,
            env={**os.environ, **environment(spec)},
            cwd=self.out,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return [ModelAnswer(*answer) for answer in json.loads(result.stdout.partition("ANSWERS ")[2])]


Make = Callable[[str], BuiltModel]


def make(name: str, out: Path) -> str:
    maker = ENTRY_SCRIPTS / name / "make_model.py"
    result = subprocess.run(
        [sys.executable, str(maker), str(out)], capture_output=True, text=True, timeout=240, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
