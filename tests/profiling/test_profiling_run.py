"""Whole runs on the real server: the shape of the answer, failing rows, scripts that do not start, lost servers."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import DatasetError, EntryError, RowsFailed, UsageError
from plimsoll.profiling.measure.command import server_arguments
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.run import profile
from support.profile_runs import ECHO, SLEEP, Notes, options_for, processes_that_mention, unexplained, written


@pytest.fixture(scope="module")
def sleeper(tmp_path_factory: pytest.TempPathFactory) -> tuple[Profile, dict[str, Any], Notes, Path]:
    """One run that many tests look at: 20 ms of sleep on two slots, a target rate, four rows."""
    folder = tmp_path_factory.mktemp("sleeper")
    rows = ['{"a": 1}', "", "text", '"' + "x" * 5000 + '"', "[2]"]
    notes = Notes()
    options = options_for(
        folder, SLEEP, rows, budget_s=12.0, flags=["--threads", "2"], threads=2, target_rps=150.0, name="sleeper"
    )
    result = profile(options, notes)
    return result, written(options), notes, folder


def test_the_phases_run_in_order(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    _, _, notes, _ = sleeper
    assert notes.phases[:6] == ["preflight", "start", "census", "warm-up", "capacity", "open loop"]
    assert notes.moves > 5


def test_what_is_written_is_what_is_returned(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    result, content, _, _ = sleeper
    assert Profile.model_validate(content) == result
    assert (result.state, result.exit_code, result.grade, content["schemaVersion"]) == (
        "Succeeded",
        0,
        "estimated",
        "1",
    )


def test_every_null_has_its_reason(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    _, content, _, _ = sleeper
    assert unexplained(content) == []
    assert content["verification"] is None
    assert "below 15 s" in content["unknown"]["verification"]
    assert "too short" in content["unknown"]["measurements.growth.verdict"]


def test_latency_is_stated_at_the_rate_that_a_replica_carries(
    sleeper: tuple[Profile, dict[str, Any], Notes, Path],
) -> None:
    result, _, _, _ = sleeper
    level = result.measurements.operating_level
    assert level is not None
    point = result.recommendation.operating_point
    assert point is not None
    assert level.target_requests_per_second == point.requests_per_second
    assert level.successes == level.requests == level.offered
    assert not level.queue_growing
    assert point.latency_seconds.p50 == level.latency_seconds.p50
    assert point.latency_seconds.p50 is not None
    assert point.latency_seconds.p50 >= 0.02


def test_concurrency_pays_up_to_the_slots(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    """Two threads sleep at once: four connections bring twice the answers, sixteen bring no more."""
    result, _, _, _ = sleeper
    rates = {level.connections: level.requests_per_second for level in result.measurements.concurrency_levels}
    # A machine that stands still takes from one level and not from another, and gives to none.
    assert 1.6 * rates[1] < max(rates.values()) < 1.02 * 2 / 0.02
    assert rates[1] < 1 / 0.02


def test_a_sleeping_model_needs_little_cpu_and_some_replicas(
    sleeper: tuple[Profile, dict[str, Any], Notes, Path],
) -> None:
    result, _, _, _ = sleeper
    recommendation = result.recommendation
    assert recommendation.cpu is not None
    assert recommendation.cpu.request_cores <= 0.5
    assert recommendation.max_requests_per_second is not None
    assert recommendation.max_requests_per_second < 100
    assert recommendation.replicas is not None
    assert recommendation.replicas >= 2


def test_rows_are_named_by_their_line(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    result, _, _, _ = sleeper
    rows = result.measurements.rows
    assert (rows.count, rows.measured, rows.distinct, rows.failed) == (4, 4, 4, [])
    assert {row.row for row in rows.heaviest} == {1, 3, 4, 5}
    assert {row.row: row.body_bytes for row in rows.heaviest}[4] == 5002


def test_memory_is_bounded_from_both_sides(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    result, _, _, _ = sleeper
    for level in result.measurements.concurrency_levels:
        memory = level.memory
        assert memory.pss_bytes <= memory.peak_bytes <= memory.high_water_sum_bytes
    assert result.recommendation.memory is not None
    peak_bytes = result.measurements.memory.peak_bytes
    assert peak_bytes is not None
    assert result.recommendation.memory.request_bytes >= peak_bytes + 100_000_000


def test_front_workers_and_driver_are_told_apart(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    result, _, _, _ = sleeper
    processes = result.processes
    assert len(processes.workers) == 1
    parts = [processes.front, *processes.workers]
    total_s = sum(level.cpu_seconds_per_request * level.requests for level in result.measurements.concurrency_levels)
    assert sum(part.cpu_seconds or 0.0 for part in parts) == pytest.approx(total_s, rel=1e-6)
    assert all(part.memory is not None and part.memory.pss_bytes > 1e6 for part in [*parts, processes.driver])


def test_azures_names_and_units(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    result, content, _, _ = sleeper
    assert set(content["azureml"]) == {
        "requestedCpu", "requestedMemoryInGB", "requestedQueriesPerSecond", "maxUtilizedCpu", "maxUtilizedMemoryInGB",
        "totalQueries", "successQueries", "successRate", "averageLatencyInMs", "latencyPercentile50InMs",
        "latencyPercentile90InMs", "latencyPercentile95InMs", "latencyPercentile99InMs", "latencyPercentile999InMs",
        "measuredQueriesPerSecond", "recommendedCpu", "recommendedMemoryInGB",
    }  # fmt: skip
    details = result.get_details()
    assert details["successRate"] == 1.0
    assert details["averageLatencyInMs"] > 20
    assert details["requestedQueriesPerSecond"] == 150.0
    assert "requestedCpu" not in details


def test_levels_as_csv(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    result, _, _, folder = sleeper
    with (folder / "out" / "levels.csv").open() as file:
        rows = list(csv.DictReader(file))
    measured = result.measurements
    closed = [int(row["connections"]) for row in rows if row["kind"] == "closed"]
    assert closed == [level.connections for level in measured.concurrency_levels]
    rates = [float(row["target_requests_per_second"]) for row in rows if row["kind"] == "open"]
    assert rates == [level.target_requests_per_second for level in measured.open_levels()]
    assert len(rates) >= 1
    assert {(row["kind"], row["connections"] == "") for row in rows} == {("closed", False), ("open", True)}
    assert all(float(row["latency_mean_s"]) > 0 for row in rows)
    assert float(rows[0]["requests_per_second"]) > 0


def test_nothing_but_the_results_is_left(sleeper: tuple[Profile, dict[str, Any], Notes, Path]) -> None:
    _, _, _, folder = sleeper
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["levels.csv", "profile.json", "server.log"]
    assert processes_that_mention(str(folder)) == []


# Slow enough for a machine's own pauses not to fill the server's queue.
MIXED = """
import json, os, time
def init(): pass
def run(data):
    time.sleep(0.01)
    call = json.loads(data)
    if call.get("raise"): raise ValueError("bad row")
    if call.get("die"): os._exit(9)
    return call
"""


def test_some_rows_fail(tmp_path: Path) -> None:
    """The answer stands, the failed rows are named; the one that kills its worker is kept out of the load."""
    rows = ['{"a": 1}', '{"raise": 1}', '{"die": 1}', '{"b": 2}']
    options = options_for(tmp_path, MIXED, rows)
    result = profile(options, Notes())
    assert (result.state, result.exit_code) == ("Succeeded", 4)
    assert result.error is not None
    assert "row 2 → 500" in result.error.message
    failed = {row.row: row for row in result.measurements.rows.failed}
    assert {number: row.outcome for number, row in failed.items()} == {2: "500", 3: "502"}
    assert failed[2].failures_under_load > 0
    assert failed[3].failures_under_load == 0
    assert any("left out of the load" in warning for warning in result.warnings)
    assert result.azureml.success_rate == pytest.approx(2 / 3, abs=0.05)
    assert result.recommendation.cpu is not None
    assert unexplained(written(options)) == []


def test_every_row_fails(tmp_path: Path) -> None:
    options = options_for(tmp_path, "def init(): pass\ndef run(data): raise ValueError(data)", ["a", "b"])
    with pytest.raises(RowsFailed, match="every row failed: row 1 → 500, row 2 → 500") as caught:
        profile(options, Notes())
    assert caught.value.exit_code == 4
    content = written(options)
    assert (content["state"], content["error"]["code"]) == ("Failed", "rows_failed")
    assert content["recommendation"]["cpu"] is None
    assert unexplained(content) == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def init(): raise ValueError('no model here')\ndef run(data): pass", "no model here"),
        ("import os\ndef init(): os._exit(5)\ndef run(data): pass", ""),
        ("def init(): pass", "run"),
        ("def init(:", "score.py"),
    ],
)
def test_a_script_that_does_not_start(tmp_path: Path, script: str, words: str) -> None:
    options = options_for(tmp_path, script, ["a"])
    with pytest.raises(EntryError) as caught:
        profile(options, Notes())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    content = written(options)
    assert (content["state"], content["error"]["exitCode"]) == ("Failed", 3)
    assert unexplained(content) == []
    assert processes_that_mention(str(tmp_path)) == []


def test_a_script_that_never_gets_ready(tmp_path: Path) -> None:
    script = "import time\ndef init(): time.sleep(600)\ndef run(data): pass"
    with pytest.raises(EntryError, match="not ready after 2 s"):
        profile(options_for(tmp_path, script, ["a"], start_timeout_s=2.0), Notes())
    assert processes_that_mention(str(tmp_path)) == []


def test_bad_input_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no rows"):
        profile(options_for(tmp_path, ECHO, []), Notes())
    with pytest.raises(UsageError, match="content type"):
        profile(options_for(tmp_path, ECHO, ["a"], content_type="a\nb"), Notes())
    with pytest.raises(UsageError, match="budget"):
        profile(options_for(tmp_path, ECHO, ["a"], budget_s=0), Notes())
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="output folder"):
        profile(options_for(tmp_path, ECHO, ["a"]), Notes())
    assert not (tmp_path / "out" / "server.log").exists()


def test_a_server_that_is_lost_in_the_middle_still_gives_a_report(tmp_path: Path) -> None:
    """The third row kills the whole tree: the worker's parent is the front, whose parent is the master."""
    script = """
    import os, signal
    def init(): pass
    def run(data):
        if data == "kill":
            front = os.getppid()
            master = int(open(f"/proc/{front}/stat").read().rsplit(")", 1)[1].split()[1])
            os.kill(master, signal.SIGKILL)
        return data
    """
    options = options_for(tmp_path, script, ["aaaaaa", "b", "kill", "c"])
    result = profile(options, Notes())
    assert (result.state, result.exit_code) == ("Failed", 3)
    assert result.error is not None
    assert "killed by signal 9" in result.error.message
    assert result.measurements.startup.seconds_to_ready is not None
    assert result.measurements.rows.measured >= 1
    assert result.recommendation.cpu is None
    assert unexplained(written(options)) == []
    assert processes_that_mention(str(tmp_path)) == []


HANGS = """
import time
def init(): pass
def run(data):
    if data == "hang": time.sleep(600)
    return data
"""


def test_a_row_that_hangs_is_ended_in_the_server_and_named(tmp_path: Path) -> None:
    options = options_for(tmp_path, HANGS, ["a", "hang", "b"], budget_s=14.0, request_timeout_s=2.5)
    result = profile(options, Notes())
    assert [(row.row, row.outcome) for row in result.measurements.rows.failed] == [(2, "504")]
    assert result.exit_code == 4
    assert result.recommendation.cpu is not None


def test_rows_that_there_was_no_time_for_have_not_failed(tmp_path: Path) -> None:
    """The biggest row is the first; where it hangs, the time for rows is over."""
    options = options_for(tmp_path, HANGS, ["a", "hang", "b"], budget_s=6.0, request_timeout_s=3.0)
    words = r"every row that was sent failed \(there was time for 1 of 3 rows, .*\): row 2 → 504"
    with pytest.raises(RowsFailed, match=words):
        profile(options, Notes())


def test_the_users_scoring_timeout_is_kept(tmp_path: Path) -> None:
    options = options_for(tmp_path, ECHO, ["a"], request_timeout_s=1.234)
    assert options.longest_request_s == 1.234
    assert server_arguments(options, 1.234)[-2:] == ["--scoring-timeout-ms", "1234"]


@pytest.mark.parametrize(("budget_s", "timeout_s"), [(45.0, 15.0), (180.0, 60.0), (3600.0, 120.0)])
def test_without_one_the_budget_decides(tmp_path: Path, budget_s: float, timeout_s: float) -> None:
    options = options_for(tmp_path, ECHO, ["a"], request_timeout_s=None, budget_s=budget_s)
    assert options.longest_request_s == timeout_s


def test_bounds_are_kept_and_published(tmp_path: Path) -> None:
    script = """
    import time
    def init(): pass
    def run(data):
        end = time.thread_time() + 0.005
        while time.thread_time() < end: pass
        return data
    """
    options = options_for(
        tmp_path, script, ["a", "b"], max_cpu_cores=0.5, max_memory_gb=0.05, flags=["--workers", "2"], workers=2
    )
    result = profile(options, Notes())
    assert result.recommendation.cpu is not None
    assert result.recommendation.cpu.request_cores <= 0.5
    assert result.recommendation.max_requests_per_second is not None
    assert result.recommendation.max_requests_per_second < 0.5 / 0.005
    assert (result.azureml.requested_cpu, result.azureml.requested_memory_in_gb) == (0.5, 0.05)
    assert any("more than the 0.05 GB allowed" in warning for warning in result.warnings)
    assert len(result.processes.workers) == 2
    if result.host.logical_cpus > 1:
        assert result.host.server_cpus is not None
        assert len(result.host.server_cpus) == 1
