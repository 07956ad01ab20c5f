"""The files of a profile: whole or not at all, readable by others, and a table that any CSV reader understands."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import UsageError
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.result.files import make_output_folder, read_profile, write_profile, write_whole
from plimsoll.profiling.result.profile import Profile
from support.finished import LEVEL, failed_profile, profile_with
from support.made_up import findings, level, operated, rate_level, window, written_of

BOMB = "\ud800"
"""Half a character: it has no UTF-8 form, so that writing it fails."""


def test_a_profile_comes_back_as_it_was_written(tmp_path: Path) -> None:
    for made in (profile_with(), failed_profile(), profile_with(description="größer 𝄞 \u2028", warnings=['"a", b\n'])):
        write_profile(made, tmp_path)
        assert read_profile(tmp_path / "profile.json") == made
        assert sorted(path.name for path in tmp_path.iterdir()) == ["levels.csv", "profile.json"]


def test_it_is_json_that_others_read(tmp_path: Path) -> None:
    """RFC 8259 knows neither NaN nor Infinity, and keys stand once."""
    write_profile(profile_with(), tmp_path)

    def refuse(text: str) -> None:
        raise AssertionError(text)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    text = (tmp_path / "profile.json").read_text()
    content = json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    assert content["schemaVersion"] == "1"
    assert text.endswith("}\n")


def test_what_there_was_stays_where_writing_fails(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a.txt", "new" * 100_000 + BOMB)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"], "nothing half is left"


def test_a_reader_sees_the_old_or_the_new_and_nothing_between(tmp_path: Path) -> None:
    """As a dashboard does that reads the page of the last run while the next one is written."""
    path, sizes, over = tmp_path / "a.txt", set[int](), threading.Event()
    write_whole(path, "a" * 1_000_000)

    def read() -> None:
        while not over.is_set():
            sizes.add(len(path.read_bytes()))

    thread = threading.Thread(target=read)
    thread.start()
    for count in range(60):
        write_whole(path, "ab"[count % 2] * (1_000_000 + count % 2))
    over.set()
    thread.join()
    assert sizes <= {1_000_000, 1_000_001}
    assert sizes


def test_others_may_read_what_the_profiler_wrote_whatever_the_umask(tmp_path: Path) -> None:
    """In a pipeline the next step often runs as another user."""
    source = "import os, sys; from pathlib import Path; from plimsoll.profiling.result.files import write_whole\n"
    source += "os.umask(0o077); write_whole(Path(sys.argv[1]), 'x')"
    subprocess.run([sys.executable, "-c", source, str(tmp_path / "a.txt")], check=True)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644


def test_a_link_is_replaced_and_what_it_points_to_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "a.txt").symlink_to(tmp_path / "kept")
    write_whole(tmp_path / "a.txt", "new")
    assert ((tmp_path / "kept").read_text(), (tmp_path / "a.txt").read_text()) == ("kept", "new")


def test_the_output_folder_is_made_with_all_above_it(tmp_path: Path) -> None:
    make_output_folder(tmp_path / "a" / "b")
    make_output_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == [], "what was tried out is gone"


@pytest.mark.parametrize("place", ["file", "file/below", "loop"])
def test_a_folder_that_cannot_be_is_named_before_anything_is_measured(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match=str(tmp_path / place)):
        make_output_folder(tmp_path / place)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"schemaVersion": 1}, "schemaVersion: Input should be '1'"),
        ({"schemaVersion": "2", "unheardOf": 1}, "schemaVersion: Input should be '1'"),
        ({"state": "Perhaps"}, "state"),
        ({"unheardOf": 1}, "unheardOf"),
        ({"azureml": {"successRate": "all"}}, "azureml.successRate"),
        ({"measurements": {}}, "measurements.startup"),
        ({"gates": [{"kind": "grade"}]}, "gates.0.name"),
    ],
)
def test_what_is_no_profile_names_file_and_place(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(json.loads(profile_with().model_dump_json(by_alias=True)) | change))
    with pytest.raises(UsageError) as caught:
        read_profile(path, "--baseline")
    assert f"--baseline {path}: " in str(caught.value)
    assert place in str(caught.value)


def test_what_cannot_be_read_names_the_cause(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(UsageError, match=str(path)):
            read_profile(path)
    (tmp_path / "half.json").write_bytes(profile_with().model_dump_json(by_alias=True).encode()[:-10])
    with pytest.raises(UsageError, match=r"half\.json"):
        read_profile(tmp_path / "half.json")
    (tmp_path / "not.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"not\.json"):
        read_profile(tmp_path / "not.json")


def table(made: Profile, folder: Path) -> list[dict[str, str]]:
    write_profile(made, folder)
    with (folder / "levels.csv").open(newline="") as file:
        return list(csv.DictReader(file, strict=True))


def number(text: str) -> float | None:
    return float(text) if text else None


def test_the_table_has_the_numbers_of_profile_json_unrounded(tmp_path: Path) -> None:
    capacity = profile_with(measurements=measured([LEVEL, LEVEL | {"connections": 2, "requestsPerSecond": 1 / 3}]))
    rows = table(capacity, tmp_path)
    assert [row["kind"] for row in rows] == ["closed", "closed"]
    for row, one in zip(rows, capacity.measurements.concurrency_levels, strict=True):
        assert int(row["connections"]) == one.connections
        assert row["target_requests_per_second"] == ""
        assert (int(row["requests"]), int(row["successes"])) == (one.requests, one.successes)
        assert float(row["requests_per_second"]) == one.requests_per_second
        for column, name in (("mean", "mean"), ("p50", "p50"), ("p95", "p95"), ("p99", "p99")):
            assert number(row[f"latency_{column}_s"]) == getattr(one.latency_seconds, name)
        assert float(row["cpu_seconds_per_request"]) == one.cpu_seconds_per_request
        assert float(row["cores_used"]) == one.cores_used.mean
        assert (number(row["pss_bytes"]), number(row["peak_bytes"])) == (one.memory.pss_bytes, one.memory.peak_bytes)


def measured(levels: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = profile_with().model_dump(by_alias=True)["measurements"]
    return found | {"concurrencyLevels": levels}


def test_closed_loops_come_before_open_ones(tmp_path: Path) -> None:
    found = findings(capacity=capacity_of(), open_loop=operated(rate_level(33.5)))
    rows = table(written_of(found), tmp_path)
    assert [(row["kind"], row["connections"], row["target_requests_per_second"]) for row in rows] == [
        ("closed", "1", ""), ("closed", "4", ""), ("open", "", "33.5"),
    ]  # fmt: skip


def capacity_of() -> Capacity:
    return Capacity((level(window(1, 100.0)), level(window(4, 300.0))))


def test_without_levels_the_table_is_its_head(tmp_path: Path) -> None:
    assert table(failed_profile(), tmp_path) == []
    assert (tmp_path / "levels.csv").read_text().count("\n") == 1
    assert os.linesep == "\n"


def test_a_profile_from_before_the_speed_was_left_out_is_still_a_baseline(tmp_path: Path) -> None:
    content = json.loads(profile_with().model_dump_json(by_alias=True))
    content["host"] |= {"spinSecondsBefore": 0.01, "spinSecondsAfter": 0.02, "stolenShare": 0.0}
    (tmp_path / "profile.json").write_text(json.dumps(content))
    assert read_profile(tmp_path / "profile.json") == profile_with()


def test_an_earlier_profile_ends_its_rates_with_the_operating_level() -> None:
    made = written_of(findings(capacity=Capacity((level(window(1, 100.0)),)), open_loop=operated(rate_level())))
    assert made.measurements.operating_level is not None
    content = made.model_dump(by_alias=True)
    earlier = dict(content["measurements"])
    earlier["rateLevels"] = [*earlier["rateLevels"], earlier.pop("operatingLevel")]
    assert Profile.model_validate(content | {"measurements": earlier}) == made
    nothing = content["measurements"] | {"operatingLevel": None}
    assert Profile.model_validate(content | {"measurements": nothing}).measurements.operating_level is None
