"""A whole run leaves all its files behind; a failed one too, and never those of an earlier run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import DatasetError, EntryError
from plimsoll.profiling.options import ProfileOptions
from plimsoll.reports.progress import PlainProgress
from plimsoll.reports.publish import run_and_report

ECHO = "def init(): pass\ndef run(data): return data\n"
FILES = {"profile.json", "profile.html", "profile.md", "profile.env", "levels.csv"}


def run(folder: Path, script: str, **environment: str) -> Any:
    (folder / "score.py").write_text(script)
    (folder / "rows.txt").write_text("[1]\n[2]\n")
    options = ProfileOptions(
        folder / "rows.txt", ["--entry-script", str(folder / "score.py")], folder / "out", budget_s=5.0
    )
    stdout = io.StringIO()
    return run_and_report(options, PlainProgress(io.StringIO()), environment, stdout), stdout.getvalue()


def names(folder: Path) -> set[str]:
    return {file.name for file in (folder / "out").iterdir()} - {"server.log", "driver.log"}


def test_a_run_in_a_pipeline(tmp_path: Path) -> None:
    result, stdout = run(tmp_path, ECHO, GITHUB_OUTPUT=str(tmp_path / "github"), TF_BUILD="True")
    assert result.state == "Succeeded"
    assert names(tmp_path) == FILES | {"resources.yaml"}
    assert "recommended_cpu=" in (tmp_path / "github").read_text()
    assert "##vso[task.setvariable variable=RECOMMENDED_CPU]" in stdout


def test_a_script_that_fails_has_a_report_too(tmp_path: Path) -> None:
    with pytest.raises(EntryError):
        run(tmp_path, "def init(): raise ValueError('no model')\ndef run(data): pass\n")
    assert names(tmp_path) == FILES
    assert "no model" in (tmp_path / "out" / "profile.html").read_text()


def test_without_a_profile_nothing_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "profile.json").write_text("of an earlier run")
    (tmp_path / "score.py").write_text(ECHO)
    options = ProfileOptions(tmp_path / "gone.txt", ["--entry-script", "score.py"], tmp_path / "out")
    with pytest.raises(DatasetError):
        run_and_report(options, PlainProgress(io.StringIO()), {}, io.StringIO())
    assert names(tmp_path) == {"profile.json"}
