"""`plimsoll --profile` as a user types it: without a verification, and with flags that exclude each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def plimsoll(folder: Path, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    (folder / "rows.txt").write_text("\n".join(f"[{number}]" for number in range(12)))
    fixed = ["--entry-script", "score.py", "--profile", "rows.txt", "--output", "out"]
    command = [sys.executable, "-m", "plimsoll", *fixed, *flags]
    environment = os.environ | variables
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)


def test_without_a_verification(tmp_path: Path) -> None:
    flags = ("--budget", "15", "--workers", "1", "--threads", "1", "--grace-seconds", "3", "--skip-verification")
    done = plimsoll(tmp_path, *flags, PLIMSOLL_MAX_QUEUE="9")
    assert done.returncode == 0, done.stderr
    profile = json.loads((tmp_path / "out" / "profile.json").read_text())
    assert (profile["grade"], profile["verification"]) == ("estimated", None)
    assert profile["unknown"]["verification"] == "verification was switched off"
    assert profile["recommendation"]["cpu"]["requestCores"] > 0
    assert "verify" not in done.stderr
    # Of both a plan of the replicas has to know, however they were given.
    assert (profile["settings"]["maxQueue"], profile["settings"]["graceSeconds"]) == (9, 3.0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--verify", "old.json"), "--skip-verification and --verify exclude each other"),
        (
            ("--require", "verified"),
            "--require verified: with --skip-verification the grade is estimated at most",
        ),
    ],
)
def test_what_it_makes_impossible_is_said_at_once(tmp_path: Path, flags: tuple[str, ...], message: str) -> None:
    done = plimsoll(tmp_path, "--skip-verification", *flags)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"plimsoll: error: {message}"]
    assert not (tmp_path / "out").exists()
