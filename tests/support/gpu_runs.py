"""Runs `plimsoll --profile` as a user would, on a machine whose GPUs the test has made up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.nvml import Machine

TESTS = Path(__file__).parents[1]
CARD = {"name": "NVIDIA H100 80GB HBM3", "total": 81_559 * 2**20}
GB = 1_000_000_000
IDLE_BYTES = 2**28

# Each row is slept for a little, so that a short run has few of them; "heavy" takes half a GB more for a while.
MODEL = """
import os, sys, time
sys.path.insert(0, {tests!r})
from support.gpu_model import GB, MB, GpuModel

def init():
    global model
    model = {model}
    {init}

def run(data):
    if data == "heavy":
        model.take(500 * MB)
        time.sleep(0.3)
        model.give(500 * MB)
    {row}
    time.sleep(0.01)
    return data
"""


@dataclass(frozen=True)
class Outcome:
    """What the command left behind."""

    code: int
    output: str
    errors: str
    content: dict[str, Any]
    folder: Path

    @property
    def advice(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["recommendation"]["gpu"]
        return found

    @property
    def measured(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["measurements"]["gpu"]
        return found

    @property
    def unknown(self) -> dict[str, str]:
        return {path: why for path, why in self.content["unknown"].items() if "gpu" in path}


def profile_on(
    machine: Machine,
    folder: Path,
    *flags: str,
    model: str = "GpuModel()",
    init: str = "model.take(3_100 * MB)",
    row: str = "pass",
    budget: str = "3",
    rows: tuple[str, ...] = ("heavy",),
    env: dict[str, str] | None = None,
    script: str | None = None,
) -> Outcome:
    """`model`, `init` and `row` are put into the script as they are."""
    score, dataset, output = folder / "score.py", folder / "rows.txt", folder / "out"
    score.write_text(script or MODEL.format(tests=str(TESTS), model=model, init=init, row=row))
    dataset.write_text("\n".join([*(f"row {number}" for number in range(12)), *rows]))
    command = [sys.executable, "-m", "plimsoll", "--entry-script", str(score), "--profile", str(dataset)]
    hidden = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PLIMSOLL_GPU")
    own = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [*command, "--budget", budget, "--output", str(output), *flags],
        env=own | machine.environment | (env or {}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    path = output / "profile.json"
    assert path.exists(), done.stderr
    return Outcome(done.returncode, done.stdout, done.stderr, json.loads(path.read_text()), output)
