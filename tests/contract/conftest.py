from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from contract_scripts import RunScript, ScriptRun, run_script

_PINNED = Path(__file__).with_name("requirements.txt")


@pytest.fixture(scope="session")
def packages(pytestconfig: pytest.Config) -> Path:
    """A folder with the pinned packages, kept between sessions as long as the pins stay."""
    assert pytestconfig.cache is not None
    digest = hashlib.sha256(_PINNED.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = pytestconfig.cache.mkdir("contract-packages") / digest
    if not (folder / ".complete").exists():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--upgrade", "--target", str(folder), "--requirement", str(_PINNED)]
    result = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=240)
    assert result.returncode == 0, result.stderr
    (folder / ".complete").touch()


@pytest.fixture
def with_packages(packages: Path, tmp_path: Path) -> RunScript:
    """Loads a script and answers calls where the real packages can be imported."""

    def run(source: str, *calls: dict[str, object], **spec: object) -> ScriptRun:
        return run_script(tmp_path, source, calls, spec, packages)

    return run


@pytest.fixture
def without_packages(tmp_path: Path) -> RunScript:
    def run(source: str, *calls: dict[str, object], **spec: object) -> ScriptRun:
        return run_script(tmp_path, source, calls, spec, None)

    return run
