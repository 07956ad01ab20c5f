"""`plimsoll.profile()` from Python, with the real command behind it; and the tag beside a model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from plimsoll.api import ProfileRun, _flag, profile
from plimsoll.errors import DatasetError, UsageError
from plimsoll.model_tag import TAG_FILE, read_tag
from plimsoll.reports.tagging import check_taggable, tag_model, tag_of
from support.finished import failed_profile, profile_with

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
    assert details["recommendedCpu"] == run.recommendation.cpu.request_cores
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


def test_cancel_keeps_what_was_measured(started: Any) -> None:
    run = started(budget=60)
    time.sleep(3)
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
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (None, []), (False, []), (True, ["--a-b"]), (0, ["--a-b", "0"]), (0.5, ["--a-b", "0.5"]), ("x", ["--a-b", "x"]),
        (["x", "y"], ["--a-b", "x", "--a-b", "y"]),
    ],
)  # fmt: skip
def test_settings_become_flags(value: Any, flags: list[str]) -> None:
    assert _flag("a_b", value) == flags


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
    assert check_taggable(str(tmp_path)) == tmp_path
    for model_dir in (None, str(tmp_path / "gone")):
        with pytest.raises(UsageError, match="tag-model"):
            check_taggable(model_dir)
