"""Servers of the contract v2, one per model for all tests that only ask."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from v2_served import IDENTITY, Builtin

from support.server import Server

_MAKERS = Path(__file__).resolve().parents[3] / "entry_scripts"


@pytest.fixture(scope="session")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builtin]:
    """``builtin("sklearn", model_folder=None)``: its digits, or the model in a folder of the test's."""
    with ExitStack() as stack:
        running: dict[str, Server] = {}

        def start(name: str, model_dir: Path | None = None) -> Server:
            key = f"{name} {model_dir}"
            if key not in running:
                home = tmp_path_factory.mktemp(name)
                flags = ("--entry-script", f"builtin:{name}", "--model-dir", str(model_dir or _made(name, home)))
                served = Server(home / "score.py", "--contract", "v2", "--model-name", "digits", *flags)
                running[key] = stack.enter_context(served)
            return running[key]

        yield start


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    script = tmp_path_factory.mktemp("identity") / "score.py"
    script.write_text(IDENTITY)
    with Server(script, "--contract", "v2", "--model-name", "identity") as server:
        yield server


def _made(name: str, home: Path) -> Path:
    subprocess.run([sys.executable, _MAKERS / name / "make_model.py", home], check=True, capture_output=True)
    return home / "model"
