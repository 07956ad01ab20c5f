"""The virtual environment of a peer: made once, and again when its versions or the Python change."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.folders import ENVIRONMENTS, ROOT
from benchmarks.peers.peer import Peer

_STAMP = ".complete"


class NotInstalled(Exception):
    """The environment of a peer cannot be made; the text is the installer's last line."""


def install(peer: Peer) -> Path:
    """The Python that runs a peer, with everything in place."""
    if peer.requirements is None:
        return Path(sys.executable)
    folder = ENVIRONMENTS / peer.home.name
    wanted = hashlib.sha256(sys.version.encode() + peer.requirements.read_bytes()).hexdigest()
    stamp = folder / _STAMP
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, peer.requirements)
        stamp.write_text(wanted)
    return folder / "bin" / "python"


def version_of(peer: Peer, python: Path) -> str:
    """Of the distribution that the peer is known by."""
    code = f"import importlib.metadata as m; print(m.version({peer.distribution!r}))"
    return run_in([str(python), "-c", code]).strip()


def _install(folder: Path, requirements: Path) -> None:
    python = str(folder / "bin" / "python")
    if uv := _uv():
        run_in([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        run_in([uv, "pip", "install", "--quiet", "--python", python, "--requirement", str(requirements)])
    else:
        run_in([sys.executable, "-m", "venv", str(folder)])
        run_in([python, "-m", "pip", "install", "--quiet", "--requirement", str(requirements)])


def _uv() -> str | None:
    """The one beside this Python, or of the PATH: many times faster than pip, with the same result."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def run_in(command: list[str]) -> str:
    """A command of the installation; its stdout."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise NotInstalled(f"{' '.join(command[:4])}: {lines[-1].strip()}")
    return done.stdout
