"""The load line of the tag beside a model, as metrics."""

from __future__ import annotations

import json
from pathlib import Path

from support.fixtures import Serve

ECHO = """
    def init(): pass
    def run(data): return data
"""
TAG = {
    "profileName": "digits",
    "profiledTime": "2026-01-01T00:00:00Z",
    "grade": "verified",
    "requestedCpu": 0.45,
    "cpuLimit": 0.7,
    "requestedMemoryInGb": 0.25,
    "requestedMemoryBytes": 250_000_000,
    "workers": 1,
    "threads": 2,
    "maxRequestsPerSecond": 90.0,
    "requestsPerSecond": 37.5,
}
NAMES = ("requests_per_second", "request_cores", "limit_cores", "memory_bytes")


def load_line(text: str) -> dict[str, float]:
    prefix = "plimsoll_load_line_"
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(prefix))
    return {name.removeprefix(prefix): float(value) for name, value in pairs}


def test_it_is_that_of_the_profile(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "plimsoll.json").write_text(json.dumps(TAG))
    found = load_line(serve(ECHO, "--model-dir", "model").get("/metrics").body.decode())
    assert [found[name] for name in NAMES] == [37.5, 0.45, 0.7, 250_000_000]
    assert found['info{grade="verified",profile="digits",profiled="2026-01-01T00:00:00Z"}'] == 1


def test_a_tag_of_an_earlier_version_knows_only_the_most(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    earlier = {key: value for key, value in TAG.items() if key != "requestsPerSecond"}
    (tmp_path / "model" / "plimsoll.json").write_text(json.dumps(earlier))
    found = load_line(serve(ECHO, "--model-dir", "model").get("/metrics").body.decode())
    assert found["requests_per_second"] == 90.0


def test_a_configuration_that_was_not_profiled_has_none(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert load_line(serve(ECHO, "--model-dir", "model").get("/metrics").body.decode()) == {}, "no tag"
    (tmp_path / "model" / "plimsoll.json").write_text(json.dumps(TAG))
    other = serve(ECHO, "--model-dir", "model", "--threads", "1")
    assert load_line(other.get("/metrics").body.decode()) == {}
