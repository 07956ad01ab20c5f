"""Real requests, collected by a real server, replayed by a real profile; and what its reports say of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

import plimsoll
from plimsoll.errors import DatasetError
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.reverify import verify_profile
from plimsoll.reports.progress import open_progress
from support.collected import events
from support.server import PATIENCE_S, Server

ECHO = "import json\ndef init(): pass\ndef run(data): return json.loads(data)\n"
ROUTINES = "import json\ndef init(): pass\ndef run(instances): return instances\n"
TENSORS = """
from plimsoll.entry import Tensor, signature
def init(): pass
@signature(inputs=[Tensor("x", "FP32", [-1])], outputs=[Tensor("y", "FP32", [-1])])
def run(x): return 2 * x
"""
BURSTS, EACH = 6, 4


def collected(folder: Path, script: str, path: str, body: bytes, *flags: str) -> Path:
    """Bursts of requests with pauses between them."""
    (folder / "score.py").write_text(script)
    with Server(folder / "score.py", "--collect", str(folder / "real"), *flags) as server:
        for number in range(BURSTS * EACH):
            assert server.post(path, body).status == 200
            if number % EACH == EACH - 1:
                time.sleep(0.2)
        server.signal(signal.SIGTERM)
        server.wait_exit()
    return folder / "real"


def test_recorded_arrivals_are_told_in_every_report(tmp_path: Path) -> None:
    real = collected(tmp_path, ECHO, "/score", b"[1, 2]")
    before = events(real, "request")
    run = plimsoll.profile(
        tmp_path / "score.py", real, output=tmp_path / "out", budget=12, arrivals="recorded", target_rps=30
    )
    run.wait_for_completion()
    recording = run.result.driver.recording
    assert recording is not None
    assert recording.requests == BURSTS * EACH
    times = [time_of(event["time"]) for event in before]
    assert recording.seconds == pytest.approx(times[-1] - times[0], abs=1e-3)
    assert "gaps of recorded requests" in run.result.driver.kind
    said = f"Arrivals as recorded: {BURSTS * EACH} requests in"
    for name in ("profile.md", "profile.html"):
        text = (tmp_path / "out" / name).read_text().replace("\\", "")
        assert said in text, name
        assert re.search(r"at the operating point [\d.]+/s, [\d.]+ times the recorded rate", text), name
    assert "at random" not in (tmp_path / "out" / "profile.html").read_text()
    assert events(real, "request") == before
    (tmp_path / "rows.txt").write_text("[1, 2]\n")
    options = ProfileOptions(tmp_path / "rows.txt", [], tmp_path / "out2")
    with (
        open_progress(sys.stderr) as progress,
        pytest.raises(DatasetError, match="needs the gaps"),  # a verification replays them, too
    ):
        verify_profile(options, tmp_path / "out" / "profile.json", progress)


def time_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


V2 = b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}]}'
SPOKEN = {
    "sagemaker": (ECHO, "/invocations", b"[1]"),
    "vertex": (ROUTINES, "/predict", b'{"instances": [[1]]}'),
    "v2": (TENSORS, "/v2/models/model/infer", V2),
    "mlflow": (ECHO, "/invocations", b'{"inputs": [[1]]}'),
}


@pytest.mark.parametrize("contract", SPOKEN)
def test_what_a_contract_has_collected_is_replayed(tmp_path: Path, contract: str) -> None:
    script, path, body = SPOKEN[contract]
    real = collected(tmp_path, script, path, body, "--contract", contract)
    assert {event["status"] for event in events(real, "response")} == {200}
    flags = ["--contract", contract, "--profile", str(real), "--arrivals", "recorded", "--target-rps", "30"]
    command = [sys.executable, "-m", "plimsoll", "--entry-script", "score.py", *flags, "--budget", "4"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=3 * PATIENCE_S)
    assert done.returncode == 0, done.stderr
    profile = json.loads((tmp_path / "plimsoll-profile" / "profile.json").read_text())
    assert (profile["dataset"]["rows"], profile["measurements"]["rows"]["failed"]) == (BURSTS * EACH, [])
    assert "Arrivals as recorded" in " ".join(done.stdout.split())
