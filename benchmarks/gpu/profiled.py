"""A profile, by the same command as a user's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.served import SCRIPTS, child_environment, shown
from plimsoll.host.children import start_child

_OVER = (0, 4, 5, 6)
"""Codes of a profile that was made, whatever it says."""


@dataclass(frozen=True, slots=True)
class Profiled:
    content: dict[str, Any]
    path: Path
    command: str

    @property
    def measurements(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["measurements"]
        return found

    @property
    def gpu(self) -> dict[str, Any]:
        found = self.measurements["gpu"]
        if not found:
            raise ValueError("the profile says nothing about a GPU: " + str(self.content.get("unknown", {}))[:200])
        return dict(found)


def profile(
    folder: Path, script: str, rows: Path, budget_s: float, *flags: str, environment: Mapping[str, str]
) -> Profiled:
    """Raises RuntimeError with the last line of its log."""
    output = folder / f"profile-{len(list(folder.glob('profile-*')))}"
    command = [sys.executable, "-m", "plimsoll", "--entry-script", str(SCRIPTS / script), "--profile", str(rows)]
    command += ["--budget", f"{budget_s:g}", "--output", str(output), *flags]
    log = output.with_suffix(".log")
    with log.open("wb") as stream:
        child = start_child(
            command, signal.SIGTERM, cwd=folder, env=child_environment(environment), stdout=stream, stderr=stream
        )
        try:
            code = child.wait()
        finally:
            _end(child)
    path = output / "profile.json"
    if code not in _OVER or not path.exists():
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"the profile ended with code {code}: {' '.join(last)}")
    variables = " ".join(f"{name}={value}" for name, value in environment.items())
    return Profiled(json.loads(path.read_text()), path, f"{variables} {shown(command)}")


def _end(child: subprocess.Popen[bytes]) -> None:
    """It ends its servers by itself."""
    if child.poll() is None:
        child.terminate()
        child.wait()
