"""The ready-made scripts behind the real server, called as a client would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from model_scripts import Make

from support.server import Server

pytestmark = pytest.mark.models

SCRIPTS = Path(__file__).parents[2] / "entry_scripts"


def curl(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code}", *arguments, f"http://127.0.0.1:{server.port}/score"],
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("script", ["onnx", "sklearn"])
def test_digits_over_http(made: Make, script: str, tmp_path: Path) -> None:
    model = made(script)
    score = tmp_path / "score.py"
    score.write_bytes((SCRIPTS / script / "score.py").read_bytes())
    rows = (model.out / "requests.txt").read_bytes().splitlines()
    right = (model.out / "expected.txt").read_text().splitlines()
    with Server(score, "--model-dir", str(model.out / "model"), "--threads", "2") as server:
        answers = [server.post("/score", row).json()["predictions"] for row in rows]
    pairs = [
        pair for answer, line in zip(answers, right, strict=True) for pair in zip(answer, json.loads(line), strict=True)
    ]
    assert sum(found == wanted for found, wanted in pairs) / len(pairs) > 0.95


@pytest.mark.tensorflow
def test_a_jpeg_posted_by_curl(made: Make, tmp_path: Path) -> None:
    model = made("tensorflow")
    score = tmp_path / "score.py"
    score.write_bytes((SCRIPTS / "tensorflow" / "score.py").read_bytes())
    picture = min((model.out / "requests").glob("*.jpg"))
    with Server(score, "--model-dir", str(model.out / "model")) as server:
        body, status = curl(server, "--data-binary", f"@{picture}").stdout.rsplit("\n", 1)
        assert status == "200"
        assert abs(sum(json.loads(body)["probabilities"]) - 1) < 1e-3
        assert curl(server).stdout.endswith("\n405")
        assert curl(server, "--data-binary", "no picture").stdout.endswith("\n400")


@pytest.mark.parametrize("name", ["onnx", "sklearn", pytest.param("tensorflow", marks=pytest.mark.tensorflow)])
def test_builtin_scripts_need_no_python(made: Make, name: str, tmp_path: Path) -> None:
    model = made(name)
    with Server(
        tmp_path / "unused.py", "--entry-script", f"builtin:{name}", "--model-dir", str(model.out / "model")
    ) as server:
        document = server.get("/openapi.json").json()
        assert document["openapi"] == "3.1.0"
        if name != "tensorflow":
            row = (model.out / "requests.txt").read_bytes().splitlines()[0]
            assert server.post("/score", row).status == 200
        assert server.post("/score", b"{}").status == 400


def test_a_profile_of_a_real_model_ends_with_its_answer(made: Make, tmp_path: Path) -> None:
    model = made("onnx")
    command = [sys.executable, "-m", "plimsoll", "--entry-script", str(SCRIPTS / "onnx" / "score.py")]
    flags = ["--model-dir", str(model.out / "model"), "--profile", str(model.out / "requests.txt"), "--budget", "12"]
    done = subprocess.run(
        [*command, *flags, "--output", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.rstrip().splitlines()
    cpu = next(place for place, line in enumerate(lines) if re.match(r"cpu: +limit [0-9.]+ cores?", line))
    assert re.match(r"memory: +\d+ Mi", lines[cpu + 1])
    # A machine that stood still is told of in between.
    assert [line for line in lines[cpu + 2 : -1] if not line.startswith("stall:")] == []
    assert lines[-1].startswith("rate: ")
    profile = json.loads((tmp_path / "out" / "profile.json").read_text())
    assert profile["state"] == "Succeeded"
    assert profile["measurements"]["rows"]["count"] == 160
