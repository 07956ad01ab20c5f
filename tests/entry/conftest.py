from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from entry_calls import Load, RunFresh

from plimsoll.entry.http import raw
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec


@pytest.fixture
def pristine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loading a script changes the interpreter for good; a worker never minds, a test session does."""
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(raw, "_requested", False)
    monkeypatch.chdir(tmp_path)
    yield
    for name in set(sys.modules) - modules:
        if _belongs_to_test(name, sys.modules[name], tmp_path):
            del sys.modules[name]


def _belongs_to_test(name: str, module: ModuleType, folder: Path) -> bool:
    return name.startswith("azureml") or str(getattr(module, "__file__", None)).startswith(str(folder))


@pytest.fixture
def load(pristine: None, tmp_path: Path) -> Load:
    """Writes score.py into a folder that is neither the working directory nor the app root, and loads it."""

    def load_it(source: str, **spec: str) -> Script:
        script = tmp_path / "code" / "score.py"
        script.parent.mkdir(exist_ok=True)
        script.write_text(dedent(source))
        return Script.load(EntrySpec(str(script), spec.pop("app_root", str(tmp_path)), **spec))

    return load_it


@pytest.fixture
def run_fresh(tmp_path: Path) -> RunFresh:
    """Runs Python source in an interpreter of its own, `path` first on its import path."""

    def run(source: str, *path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        env = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, path)), **environment)
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", dedent(source)],
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
            cwd=tmp_path,
            check=False,
        )

    return run
