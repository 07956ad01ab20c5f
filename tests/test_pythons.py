"""Plimsoll says of itself which Pythons it runs on, everywhere the same, and refuses all others in one line."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from plimsoll.pythons import NEWEST, OLDEST
from support.pythons import NEWEST_WITH_TENSORFLOW, SUPPORTED, installed

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "runtime" / "plimsoll"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
UNSUPPORTED = ["3.6", "3.7", "3.8", "3.9", "3.10", f"{NEWEST[0]}.{NEWEST[1] + 1}"]
PRETEND = "import runpy, sys; sys.version_info = ({}, 0); runpy.run_module('plimsoll', run_name='__main__')"


def refusal(command: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        [*command, "--version"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE.parent), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def pythons() -> dict[str, tuple[str, str]]:
    return installed()


@pytest.mark.parametrize("version", UNSUPPORTED)
def test_another_python_is_refused_in_one_line(version: str, pythons: dict[str, tuple[str, str]]) -> None:
    """By the Python itself, where this machine has it; and by this one, told that it is of that version."""
    commands = [[sys.executable, "-c", PRETEND.format(version.replace(".", ","))]]
    if version in pythons:
        commands.append([pythons[version][0], "-m", "plimsoll"])
    for command in commands:
        code, text = refusal(command)
        assert code == 1
        assert text.startswith(f"plimsoll: error: Python {version} is not supported: {SUPPORTED[0]} to {SUPPORTED[-1]}")
        assert text.count("\n") == 1


def test_a_shim_that_refuses_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, program in (("python3.9", "echo 3.9 3.9.0; exit 127"), ("python3.10", f'exec {sys.executable} "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3.8").symlink_to("gone")
    monkeypatch.setenv("PATH", str(tmp_path))
    here = sys.version.split()[0]
    assert installed() == {here.rpartition(".")[0]: (str(tmp_path / "python3.10"), here)}


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py", "pythons.py", "version.py"])
def test_an_old_python_can_read_what_refuses_it(name: str) -> None:
    source = (PACKAGE / name).read_text()
    ast.parse(source, feature_version=(3, 7))
    assert name == "version.py" or "from __future__" not in source  # 3.6 knows no future annotations


def test_metadata_and_readme_name_the_pythons_that_are_not_refused() -> None:
    assert PROJECT["project"]["requires-python"] == f">={SUPPORTED[0]},<{NEWEST[0]}.{NEWEST[1] + 1}"
    classified = re.findall(r"Programming Language :: Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert classified == SUPPORTED
    assert f"Python {SUPPORTED[0]} to {SUPPORTED[-1]}" in (ROOT / "README.md").read_text()
    assert PROJECT["tool"]["mypy"]["python_version"] == SUPPORTED[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == "py{}{}".format(*OLDEST)


def test_the_lock_leaves_out_tensorflow_where_the_tests_do() -> None:
    beyond = f"{NEWEST_WITH_TENSORFLOW[0]}.{NEWEST_WITH_TENSORFLOW[1] + 1}"
    (line,) = re.findall(r"^tensorflow-cpu==.*", (ROOT / "images" / "locks" / "all.txt").read_text(), re.MULTILINE)
    assert f"; python_full_version < '{beyond}'" in line
    assert f"TensorFlow has no wheels for Python {beyond}" in (ROOT / "README.md").read_text()
