"""A whole profile with its verification by groups of version 2, then with less memory and less CPU than it needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cgroup2_box import Box, Watch, box

HELD_BYTES = 150_000_000
SCRIPT = f"""
import time
def init():
    global held
    held = bytearray(b"x") * {HELD_BYTES}
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end: pass
    return data
"""


def write_model(folder: Path) -> None:
    (folder / "score.py").write_text(SCRIPT)
    (folder / "rows.txt").write_text("\n".join(f"row {number}" for number in range(12)))


def arguments(folder: Path, output: str) -> list[str]:
    paths = ["--entry-script", str(folder / "score.py"), "--profile", str(folder / "rows.txt")]
    return ["-m", "plimsoll", *paths, "--workers", "1", "--output", str(folder / output)]


class Profiled:
    """The profile, and the group in which more can be run."""

    def __init__(self, place: Box, folder: Path) -> None:
        self.place, self.folder = place, folder
        write_model(folder)
        self.watch = Watch(place.folder)
        with self.watch.running():
            self.exit_code, self.output = self.plimsoll("out", "--budget", "60")
        print(self.output)
        self.result = self.written("out")

    def plimsoll(self, output: str, *flags: str) -> tuple[int, str]:
        return self.place.run(*arguments(self.folder, output), "--require", "verified", *flags)

    def written(self, output: str) -> Any:
        return json.loads((self.folder / output / "profile.json").read_text())

    def tried_again(self, name: str, **less: Any) -> tuple[int, dict[str, Any]]:
        """With parts of the recommendation replaced: exit code and the trial."""
        changed = json.loads(json.dumps(self.result))
        for part, values in less.items():
            changed["recommendation"][part] |= values
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(changed))
        code, output = self.plimsoll(name, "--budget", "60", "--verify", str(path))
        attempt: dict[str, Any] = self.written(name)["verification"]["attempts"][0]
        print(output, json.dumps(attempt, indent=1))
        return code, attempt


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Profiled]:
    with box("profiled") as place:
        yield Profiled(place, tmp_path_factory.mktemp("profiled"))


def test_the_recommendation_is_verified(profiled: Profiled) -> None:
    found, recommended = profiled.result["verification"], profiled.result["recommendation"]
    assert (profiled.exit_code, profiled.result["grade"]) == (0, "verified"), profiled.output
    assert (found["method"], found["passed"], found["whyNotEnforced"]) == ("cgroup v2", True, None)
    assert found["limits"]["memoryBytes"] == recommended["memory"]["limitBytes"]
    last = found["attempts"][-1]
    assert last["successes"] == last["requests"] > 100
    assert last["oomKills"] == 0
    assert HELD_BYTES < last["memoryPeakBytes"] < recommended["memory"]["limitBytes"]
    assert 0 <= last["throttledShare"] <= 1


def test_the_limits_were_really_set(profiled: Profiled) -> None:
    attempts = profiled.result["verification"]["attempts"]
    first = next(attempt["limits"] for attempt in attempts if attempt["kind"] == "limit")
    seen = profiled.watch.seen
    assert str(first["memoryBytes"]) in seen["memory.max"]
    assert f"{round(first['cpuCores'] * 100_000)} 100000" in seen["cpu.max"]
    assert "0" in seen.get("memory.swap.max", {"0"})


def test_everything_is_as_before(profiled: Profiled) -> None:
    assert (profiled.place.pids(), profiled.place.children(), profiled.place.controllers()) == ([], [], "")


def test_less_memory_than_it_needs_is_an_oom_kill(profiled: Profiled) -> None:
    peak_bytes = profiled.result["measurements"]["memory"]["peakBytes"]
    code, attempt = profiled.tried_again("memory", memory={"limitBytes": int(0.8 * peak_bytes)})
    assert code == 6
    assert not attempt["passed"]
    assert attempt["oomKills"] >= 1
    assert any("killed" in words and "for memory" in words for words in attempt["failures"])


def test_less_cpu_than_it_needs_is_throttled(profiled: Profiled) -> None:
    need = profiled.result["recommendation"]["cpu"]["limitCores"] * 0.5
    code, attempt = profiled.tried_again("cpu", cpu={"requestCores": need, "limitCores": need})
    assert code == 6
    assert not attempt["passed"]
    assert attempt["throttledShare"] > 0.5
    assert attempt["throttledSeconds"] > 0


def test_without_rights_the_server_is_watched_instead() -> None:
    with TemporaryDirectory() as folder, box("no-rights") as place:
        shutil.chown(folder, 1000, 1000)
        write_model(Path(folder))
        code, output = place.run(*arguments(Path(folder), "out"), "--budget", "25", user=1000, group=1000)
        assert code == 0, output
        result = json.loads((Path(folder) / "out" / "profile.json").read_text())
        found = result["verification"]
        assert (found["method"], found["whyNotEnforced"]) == ("affinity", "the control groups are read-only here")
        assert result["grade"] != "verified"
        assert found["attempts"][0]["memoryPeakBytes"] > HELD_BYTES
        assert found["attempts"][0]["throttledShare"] is None
        assert (place.children(), place.controllers()) == ([], "")
