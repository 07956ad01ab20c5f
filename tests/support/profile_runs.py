"""Runs whole profiles on a real server with a score.py written for the test."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

from plimsoll.profiling.options import ProfileOptions

ECHO = """
def init(): pass
def run(data): return data
"""
SLEEP = """
import time
def init(): pass
def run(data):
    time.sleep(0.02)
    return len(data)
"""


class Notes:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.notes: list[str] = []
        self.moves = 0

    def phase(self, name: str, total_s: float) -> None:
        assert total_s >= 0
        self.phases.append(name)

    def advance(self, elapsed_s: float) -> None:
        self.moves += 1

    def note(self, text: str) -> None:
        self.notes.append(text)


def options_for(folder: Path, script: str, rows: list[str], **changes: Any) -> ProfileOptions:
    """A score.py, its rows and a short budget."""
    score, dataset = folder / "score.py", folder / "rows.txt"
    score.write_text(textwrap.dedent(script))
    dataset.write_text("\n".join(rows))
    flags = ["--entry-script", str(score), *changes.pop("flags", [])]
    settings: dict[str, Any] = {"budget_s": 6.0, "request_timeout_s": 5.0} | changes
    return ProfileOptions(dataset=dataset, server_arguments=flags, output_dir=folder / "out", **settings)


def written(options: ProfileOptions) -> dict[str, Any]:
    """profile.json as it lies in the folder."""
    content: dict[str, Any] = json.loads((options.output_dir / "profile.json").read_text())
    return content


def processes_that_mention(text: str) -> list[int]:
    """Pids of living processes with the text in their command line, this one left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
                state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if text in line and state != "Z":
                found.append(int(folder.name))
    return found


def nulls(value: Any, path: str = "") -> list[str]:
    if value is None or value == []:
        return [path]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in nulls(item, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in nulls(item, f"{path}.{index}")]
    return []


def unexplained(content: dict[str, Any]) -> list[str]:
    answers = {"error", "description", "warnings", "error.details", "measurements.rows.failed", "gates"}
    paths = nulls({key: value for key, value in content.items() if key != "unknown"})
    return [path for path in paths if path not in content["unknown"] and path not in answers and path[-5:] != ".name"]
