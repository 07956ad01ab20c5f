"""What `mlflow models serve` answers in each case: writes mlflow_reference.json, which the tests compare with.

In an environment of its own, with `pip install mlflow pandas scikit-learn`:
`python tests/contracts/mlflow/mlflow_reference.py`.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow_models
from mlflow_asked import ask, written
from mlflow_cases import CASES, MODELS, Case

PACKAGES = ("mlflow", "numpy", "pandas", "pydantic", "scikit-learn", "fastapi", "uvicorn")
START_S = 300


@contextlib.contextmanager
def served(model: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", str(port)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (model.parent / f"{model.name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--env-manager", "local"],
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True,
        )
    try:
        wait_ready(port)
        yield port
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def wait_ready(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if ask(port, Case("", method="GET", path="/ping", kind=None))["status"] == 200:
                return
        time.sleep(0.2)
    raise TimeoutError("mlflow models serve is not ready")


def record(folder: Path) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for model in MODELS:
        with served(folder / model) as port:
            answers |= {name: ask(port, case) for name, case in CASES.items() if case.model == model}
    return {name: answers[name] for name in CASES}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        mlflow_models.save(Path(name))
        cases = record(Path(name))
    versions = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    Path(__file__).with_suffix(".json").write_text(written(versions, cases))


if __name__ == "__main__":
    main()
