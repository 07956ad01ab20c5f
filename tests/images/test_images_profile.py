"""Profiles from inside a container: within its limits, with the costs that the bare process has; and in two steps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from image_container import Limits
from image_engine import APP, REPOSITORY, SCORE, Engine

pytestmark = pytest.mark.images

PIPELINE = REPOSITORY / "images" / "profile-in-pipeline.sh"
BURN = """
    import time
    {held}
    def init(): pass
    def run(data):
        end = time.thread_time() + 0.010
        while time.thread_time() < end: pass
        return data
"""
ROWS = "".join(f"row {number}\n" for number in range(12))
_TOLERANCE = 0.05


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    path = tmp_path / "requests.txt"
    path.write_text(ROWS)
    return path


def read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "profile.json").read_text())
    return content


def worker_cpu_s(profile: dict[str, Any]) -> float:
    return sum(float(worker["cpuSecondsPerRequest"]) for worker in profile["processes"]["workers"])


def test_a_profile_inside_limits_recommends_within_them_and_counts_the_same_cpu(
    engine: Engine,
    slim: str,
    app: Callable[[str], Path],
    requests: Path,
    tmp_path: Path,
    note: Callable[[str], None],
) -> None:
    folder, out, bare = app(BURN.format(held="")), tmp_path / "out", tmp_path / "bare"
    out.mkdir()
    out.chmod(0o777)
    mounts = {folder: APP, requests: "/rows.txt"}
    limits = Limits(cpus=1, memory="1g", mounts=mounts, writable={out: "/out"})
    flags = [*SCORE, "--budget", "12"]
    command = [sys.executable, "-m", "plimsoll", *flags, "--profile", str(requests), "--output", str(bare)]
    for _ in range(3):  # A neighbour on the machine costs the one what it does not cost the other: then once more.
        result = engine.once(slim, *flags, "--profile", "/rows.txt", "--output", "/out", limits=limits)
        assert result.returncode == 0, result.stderr
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        inside, outside = read(out), read(bare)
        assert inside["host"]["usableCores"] == 1.0
        assert inside["host"]["memoryLimitBytes"] == 1 << 30
        assert inside["recommendation"]["cpu"]["limitCores"] <= 1.0
        assert inside["recommendation"]["memory"]["limitBytes"] <= 1 << 30
        note(f"CPU per request: {worker_cpu_s(inside):.5f} s in a container, {worker_cpu_s(outside):.5f} s outside")
        as_outside = pytest.approx(worker_cpu_s(outside), rel=_TOLERANCE)
        if worker_cpu_s(inside) == as_outside:
            break
    assert worker_cpu_s(inside) == as_outside


def pipeline(engine: Engine, image: str, folder: Path, requests: Path, output: Path, *flags: str) -> tuple[int, str]:
    """The exit code, and what the script and both containers said."""
    given = ["--engine", engine.command, "--image", image, "--script-dir", str(folder), "--requests", str(requests)]
    command = [str(PIPELINE), *given, "--output", str(output), *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=requests.parent, env=engine.environment())
    return done.returncode, done.stdout + done.stderr


def test_two_steps_of_a_pipeline_and_a_model_that_has_grown_since(
    engine: Engine, slim: str, app: Callable[[str], Path], requests: Path, tmp_path: Path
) -> None:
    folder, out = app(BURN.format(held="")), tmp_path / "out"
    for _ in range(3):  # A neighbour on the machine may take the rate away: then once more.
        # One worker, so that the load driver finds a core of its own on a machine with two.
        code, said = pipeline(engine, slim, folder, requests, out, "--budget", "15", "--", "--workers", "1")
        if code == 0:
            break
    assert code == 0, said
    assert "the recommended limits hold" in said
    verified = read(out / "verified")["verification"]
    assert verified["passed"]
    assert verified["method"] == "container"
    app(BURN.format(held="held = bytearray(b'x') * 600_000_000"))
    code, said = pipeline(engine, slim, folder, requests, tmp_path / "later", "--verify", str(out / "profile.json"))
    assert code == 6, said
    assert "the recommended limits do not hold" in said


def test_a_pipeline_ends_with_the_first_steps_exit_code(
    engine: Engine, slim: str, app: Callable[[str], Path], requests: Path, tmp_path: Path
) -> None:
    script = "import os\nassert os.environ['GIVEN'] == '1'\nimport nope\n"
    code, said = pipeline(engine, slim, app(script), requests, tmp_path / "out", "--run-flag", "--env=GIVEN=1")
    assert code == 3, said
    assert "No module named 'nope'" in said
    assert "step 2" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--image is missing"),
        (["--image"], "--image needs a value"),
        (["--image", "i"], "--requests is missing"),
        (["--image", "i", "--requests", "/nowhere"], "--requests /nowhere: no such file or folder"),
        (["--imge", "i"], "unknown argument --imge"),
    ],
)
def test_what_the_pipeline_script_does_not_understand(arguments: list[str], words: str) -> None:
    done = subprocess.run([str(PIPELINE), *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"profile-in-pipeline.sh: error: {words} (see --help)\n"
