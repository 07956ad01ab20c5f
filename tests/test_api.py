"""`plimsoll.profile()` from Python, with the real command behind it; and the tag beside a model."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from plimsoll.api import ProfileRun, profile
from plimsoll.errors import DatasetError, UsageError
from plimsoll.reports.profile_tag import check_taggable, tag_model, tag_of
from plimsoll.settings.model_tag import TAG_FILE, read_tag, write_tag
from plimsoll.settings.resolution import as_flags
from support.finished import failed_profile, profile_with
from support.server import Server, wait_for

ECHO = "def init(): pass\ndef run(data): return data\n"


@pytest.fixture
def started(tmp_path: Path) -> Any:
    def start(script: str = ECHO, **settings: Any) -> ProfileRun:
        (tmp_path / "score.py").write_text(script)
        (tmp_path / "rows.txt").write_text("[1]\n[2]\n")
        dataset = settings.pop("dataset", tmp_path / "rows.txt")
        return profile(tmp_path / "score.py", dataset, output=tmp_path / "out", **settings)

    return start


def test_a_profile(started: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = started(budget=4, name="echo", target_rps=10)
    assert run.get_details() == {"state": "Running"}
    run.wait_for_completion(show_output=True)
    shown = capfd.readouterr().out
    assert "profile: census" in shown
    assert "cpu: " in shown
    details = run.get_details()
    assert details["state"] == "Succeeded"
    assert details["name"] == "echo"
    assert details["requestedQueriesPerSecond"] == 10
    assert details["recommendedCpu"] == run.recommendation.cpu.limit_cores
    assert run.recommendation.replicas == 1
    assert (tmp_path / "out" / "profile.json").exists()


def test_a_failed_profile_is_a_result(started: Any) -> None:
    run = started("def init(): raise ValueError('no model')\ndef run(data): pass\n", budget=3)
    details = run.get_details() if run.wait_for_completion() is None else {}
    assert details["state"] == "Failed"
    assert "no model" in details["error"]["message"]
    assert run.recommendation.cpu is None


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"budget": "soon"}, UsageError, "budget"),
        ({"no_such_flag": 1}, UsageError, "no-such-flag"),
        ({"dataset": "gone.txt"}, DatasetError, "no such file"),
    ],
)
def test_without_a_profile_there_is_an_error(
    started: Any, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    run = started(**settings)
    with pytest.raises(error, match=message):
        run.wait_for_completion()
    with pytest.raises(error, match=message):
        _ = run.recommendation


def test_a_file_of_an_earlier_run_is_no_answer(started: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "profile.json").write_text(profile_with().model_dump_json(by_alias=True))
    with pytest.raises(UsageError):
        started(budget="soon").wait_for_completion()


def test_cancel_keeps_what_was_measured(started: Any, tmp_path: Path) -> None:
    run = started(budget=60)
    wait_for((tmp_path / "out" / "server.log").exists, "the server's start")
    time.sleep(2)
    run.cancel()
    assert run.get_details()["state"] == "Failed"
    assert run.result.error.code == "interrupted"


def test_a_run_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(ECHO)
    (tmp_path / "rows.txt").write_text("[1]")
    code = "import time\nfrom plimsoll.api import profile\nrun = profile('score.py', 'rows.txt', budget=60)\n"
    code += "print(run._process.pid, flush=True)\ntime.sleep(60)\n"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(1.5)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of the run")


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (None, []), (False, ["--no-a-b"]), (True, ["--a-b"]), (0, ["--a-b", "0"]), (0.5, ["--a-b", "0.5"]),
        ("x", ["--a-b", "x"]),
        (["x", "y"], ["--a-b", "x", "--a-b", "y"]), (Path("x") / "y", ["--a-b", "x/y"]), ([], []),
    ],
)  # fmt: skip
def test_settings_become_flags(value: Any, flags: list[str]) -> None:
    assert as_flags("a_b", value) == flags


def test_the_tag_beside_a_model(tmp_path: Path) -> None:
    assert read_tag(tmp_path) is None
    assert tag_model(failed_profile(), tmp_path) is None
    assert tag_model(profile_with(), tmp_path) == tmp_path / TAG_FILE
    tag = read_tag(tmp_path)
    assert tag is not None
    assert (tag.requested_cpu, tag.workers, tag.grade) == (1.25, 1, "estimated")
    assert '"requestedMemoryInGb": 0.201326592' in (tmp_path / TAG_FILE).read_text()
    assert os.listdir(tmp_path) == [TAG_FILE]

    assert tag == tag_of(profile_with())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "not a JSON object"),
        ("{}", "profileName: field required"),
        (
            '{"profileName": "x", "profiledTime": "", "grade": "", "requestedCpu": -1}',
            "requestedCpu: .* greater than 0",
        ),
    ],
)
def test_a_broken_tag_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / TAG_FILE).write_text(content)
    with pytest.raises(UsageError, match=rf"plimsoll\.json: not a model tag \({reason}"):
        read_tag(tmp_path)


def test_a_tag_needs_a_folder(tmp_path: Path) -> None:
    assert check_taggable(tmp_path) == tmp_path
    for folder in (None, tmp_path / "gone"):
        with pytest.raises(UsageError, match="tag-model"):
            check_taggable(folder)


@pytest.mark.parametrize("model", ["model", "model/weights.bin"])
def test_a_model_by_name_is_tagged_where_serving_finds_the_tag(tmp_path: Path, model: str) -> None:
    """Not among the links that stand for it, which are an output of the profile."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"x")
    (tmp_path / "score.py").write_text(ECHO)
    (tmp_path / "rows.txt").write_text("[1]\n[2]\n")
    profiling = ["--profile", "rows.txt", "--output", "out", "--budget", "8", "--tag-model", "--model", f"net={model}"]
    command = [sys.executable, "-m", "plimsoll", "--entry-script", "score.py", *profiling]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    tag = read_tag(tmp_path / "model")
    assert tag is not None
    assert not list((tmp_path / "out").rglob(TAG_FILE))
    # What serves follows it, whichever way the model is named: here a tag of two workers instead of the one measured.
    write_tag(dataclasses.replace(tag, workers=2), tmp_path / "model")
    for named in (["--model-dir", "model"], ["--model", f"net={model}"]):
        with Server(tmp_path / "score.py", *named) as server:
            assert server.post("/score", b"[1]").status == 200
            wait_for(lambda server=server: server.metric("plimsoll_slots") == 2, "the slot of the second worker")


def test_several_models_have_no_place_for_a_tag(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(ECHO)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    models = ["--model", "a=a", "--model", "b=b"]
    command = [sys.executable, "-m", "plimsoll", "--entry-script", "score.py", "--profile", "rows.txt", "--tag-model"]
    done = subprocess.run([*command, *models], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "--tag-model needs one folder of a model to put the tag into" in done.stderr
