"""examples/: each README, run as it is written, but on a port that is free."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from support.server import PATIENCE_S, free_port

EXAMPLES = Path(__file__).parents[2] / "examples"
ANSWERS = {
    "torchserve": ('{"prediction": 14.0}',),
    "sagemaker": ("[0, 2]1\n",),
    "vertex": ("{}", '{"predictions": [0]}'),
    "v2": ('{"ready": true}', '"label", "datatype": "INT64", "shape": [1], "data": [0]}'),
    "mlflow": ('{"predictions": [0]}', '"error_code": "BAD_REQUEST"'),
}
NEEDS = {"mlflow": "mlflow"}
"""Packages that are in none of our locks: docs/contracts-mlflow.md says how these tests are run."""
LONGEST = 12
"""Lines of a README."""


def commands(readme: str) -> str:
    return "\n".join(line.strip() for line in readme.splitlines() if line.startswith("    "))


@pytest.mark.parametrize("name", ANSWERS)
def test_the_readme_as_written(tmp_path: Path, name: str) -> None:
    if name in NEEDS and not list(distributions(name=NEEDS[name])):
        pytest.skip(f"needs {NEEDS[name]}")
    folder, port = tmp_path / name, str(free_port())
    shutil.copytree(EXAMPLES / name, folder)
    readme = (folder / "README.md").read_text()
    assert len(readme.splitlines()) <= LONGEST
    script = commands(readme).replace("8080", port)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "SAGEMAKER_BIND_TO_PORT": port}
    shell = subprocess.Popen(
        ["bash", "-e"],
        cwd=folder,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = shell.communicate(f"{script}\nkill %1; wait", 4 * PATIENCE_S)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGKILL)
    assert all(answer in said for answer in ANSWERS[name]), said
