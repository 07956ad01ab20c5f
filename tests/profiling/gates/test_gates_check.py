"""Gates: what they read, when they fail, and that chance alone never fails one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.errors import GateFailed, GradeTooLow, UsageError
from plimsoll.profiling.gates.check import check_gates, enforce, gate_line, read_gates
from plimsoll.profiling.gates.metrics import Dimension, parse_quantity
from support.finished import profile_with as finished


def judged(*fail_if: str, **changes: Any) -> list[bool | None]:
    return [result.held for result in check_gates(finished(**changes), read_gates(fail_if))]


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ("p99>200ms", True), ("p99>0.039s", False), ("p99>=40ms", False), ("p99<40ms", True),
        ("memory>4GB", True), ("memory>200MB", False), ("memory>192Mi", True), ("memory-peak>50MB", False),
        ("success<99.9%", True), ("success<=1", False), ("cpu>1250m", True), ("cpu>1.2 cores", False),
        ("cpu-per-request > 10ms", False), ("rate<50", True), ("rate<70rps", False), ("startup>1min", True),
        ("replicas>2", False),
    ],
)  # fmt: skip
def test_conditions(condition: str, held: bool) -> None:
    assert judged(condition) == [held]


def test_several_in_one_flag_and_in_several() -> None:
    assert judged("p99>200ms, memory>4GB", "cpu>1") == [True, True, False]


def test_the_recommended_rate_decides_where_it_was_tried_out() -> None:
    recommendation = finished().model_dump(by_alias=True)["recommendation"]
    latency = {"p50": 0.1, "p90": 0.15, "p95": 0.2, "p99": 0.3, "p999": 0.4}
    point = {"requestsPerSecond": 50.0, "utilisation": 0.5, "latencySeconds": latency}
    conditions = [f"{name}>{seconds * 1000 - 1:.0f}ms" for name, seconds in latency.items()]
    assert judged(*conditions, recommendation=recommendation | {"operatingPoint": point}) == [False] * 5


def test_an_unknown_number_fails_its_gate_and_says_why() -> None:
    (result,) = check_gates(
        finished(azureml={}, unknown={"recommendation.operatingPoint.latencySeconds.p99": "needs 299 requests"}),
        read_gates(["p99>200ms"]),
    )
    assert gate_line(result) == "gate FAILED: p99>200ms: p99 is not known (needs 299 requests)"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("p99", "no condition"),
        ("p98>3ms", "no number is called 'p98'"),
        ("p99>200", "'200' is not a quantity of time"),
        ("memory>4", "not a quantity of memory"),
        ("p99>fast", "not a quantity"),
        ("p99=3ms", "no condition"),
    ],
)
def test_conditions_that_cannot_be_read(condition: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_gates([condition])


@pytest.mark.parametrize(("text", "size"), [("4gb", 4e9), ("1.5GiB", 1.5 * 2**30), ("512Mi", 2.0**29), ("2G", 2e9)])
def test_memory_as_people_write_it(text: str, size: float) -> None:
    assert parse_quantity(text, Dimension.MEMORY) == size


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_quantity(text, Dimension.TIME) >= 0


def test_exit_codes() -> None:
    with pytest.raises(GateFailed, match=r"cpu>1: cpu is 1\.25 cores") as failed:
        enforce(check_gates(finished(), read_gates(["cpu>1"], require="verified")))
    assert failed.value.exit_code == 5
    with pytest.raises(GradeTooLow, match="grade estimated, verified is required: not verified") as low:
        enforce(check_gates(finished(), read_gates(["cpu>9"], require="verified")))
    assert low.value.exit_code == 6
    enforce(check_gates(finished(), read_gates(["cpu>9"], require="estimated")))


def test_a_failed_profile_has_no_grade() -> None:
    with pytest.raises(GradeTooLow):
        enforce(check_gates(finished(state="Failed"), read_gates(require="estimated")))


def against(folder: Path, now: dict[str, Any], most: str = "10%", **before: Any) -> dict[str, bool | None]:
    """Sentence up to its first number → held."""
    path = folder / "old.json"
    path.write_text(finished(**before).model_dump_json(by_alias=True))
    results = check_gates(finished(**now), read_gates(baseline=str(path), max_regression=most))
    return {result.sentence.removeprefix("baseline: ").split(" → ")[0]: result.held for result in results}


def measured(**changes: Any) -> dict[str, Any]:
    return {"measurements": finished().model_dump(by_alias=True)["measurements"] | changes}


def windows(*rates_rps: float, connections: int = 1) -> list[dict[str, Any]]:
    """One process on one core: CPU per request is the inverse of the rate."""
    costs_s = [0.98 / rate_rps for rate_rps in rates_rps]
    return [{"connections": connections, "requestsPerSecond": list(rates_rps), "cpuSecondsPerRequest": costs_s}]


def test_the_same_again_has_not_regressed(tmp_path: Path) -> None:
    assert set(against(tmp_path, {}).values()) == {True}


def test_a_clear_regression(tmp_path: Path) -> None:
    held = against(tmp_path, measured(levelWindows=windows(70.0, 71.0, 70.5)))
    assert [name for name, good in held.items() if good is False] == [
        "CPU per request with 1 connection 10.35 ms",
        "throughput with 1 connection 95.4 requests/s",
    ]


def test_within_the_spread_nothing_fails(tmp_path: Path) -> None:
    assert set(against(tmp_path, measured(levelWindows=windows(40.0, 95.0, 80.0))).values()) == {True}


def test_within_what_is_allowed_nothing_fails(tmp_path: Path) -> None:
    now = measured(levelWindows=windows(80.0, 80.1, 80.2))
    assert set(against(tmp_path, now, most="25%").values()) == {True}
    assert False in against(tmp_path, now, most="10%").values()


def test_an_improvement_never_fails(tmp_path: Path) -> None:
    assert set(against(tmp_path, measured(levelWindows=windows(500.0, 501.0, 502.0))).values()) == {True}


def test_memory_and_percentiles_regress_too(tmp_path: Path) -> None:
    memory = {"peakBytes": 80_000_000}
    slow = [{"connections": 1, "requests": 400, "shares": [0.5, 0.9, 1.0], "seconds": [0.02, 0.022, 0.04]}]
    held = against(tmp_path, measured(memory=memory, latencyCurves=slow))
    assert [name for name, good in held.items() if good is False] == [
        "memory at most 56 MB",
        "p50 with 1 connection 10 ms",
        "p99 with 1 connection 19.1 ms",
    ]


def test_on_another_machine_only_memory_is_compared(tmp_path: Path) -> None:
    host = finished().model_dump(by_alias=True)["host"] | {"cpuModel": "Another CPU"}
    held = against(tmp_path, measured(levelWindows=windows(7.0, 7.1, 7.2)), host=host)
    assert held == {
        "only memory is compared, it was measured on 2 cores of Another CPU": None,
        "memory at most 56 MB": True,
    }


def test_too_little_to_compare_is_a_note(tmp_path: Path) -> None:
    held = against(tmp_path, {}, **measured(levelWindows=[], latencyCurves=[]))
    assert list(held.values()) == [True]
    few = windows(95.0, 95.1)
    held = against(tmp_path, {}, **measured(levelWindows=few, latencyCurves=[]))
    assert list(held.values()) == [True, None, None, None, None]


def test_what_both_were_under_is_compared(tmp_path: Path) -> None:
    now = measured(levelWindows=[*windows(95.0, 96.0, 95.5), *windows(50.0, 50.1, 50.2, connections=8)])
    before = measured(levelWindows=[*windows(95.0, 96.0, 95.5), *windows(200.0, 201.0, 202.0, connections=4)])
    assert set(against(tmp_path, now, **before).values()) == {True}


def test_times_of_a_disturbed_run_are_not_compared(tmp_path: Path) -> None:
    levels = finished().model_dump(by_alias=True)["measurements"]["concurrencyLevels"]
    disturbed = [level | {"elsewhereCores": 0.5} for level in levels]
    slow = windows(70.0, 71.0, 70.5)
    held = against(tmp_path, measured(levelWindows=slow, concurrencyLevels=disturbed))
    assert held == {
        "throughput and latency are not compared, other processes used up to 25% of the machine": None,
        "memory at most 56 MB": True,
        "CPU per request with 1 connection 10.35 ms": False,
    }


@pytest.mark.parametrize(("elsewhere_cores", "held"), [(0.0, False), (1.8, True)])
def test_beside_neighbours_a_request_costs_more(tmp_path: Path, elsewhere_cores: float, held: bool) -> None:
    levels = finished().model_dump(by_alias=True)["measurements"]["concurrencyLevels"]
    disturbed = [level | {"elsewhereCores": elsewhere_cores} for level in levels]
    now = measured(levelWindows=windows(74.0, 74.1, 74.2), concurrencyLevels=disturbed)
    assert against(tmp_path, now)["CPU per request with 1 connection 10.35 ms"] is held


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schemaVersion": 1}'])
def test_a_baseline_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(UsageError, match=r"old\.json: not a profile"):
        read_gates(baseline=str(tmp_path / "old.json"))


def test_flags_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_gates(baseline=str(tmp_path / "gone.json"))
    with pytest.raises(UsageError, match="without --baseline"):
        read_gates(max_regression="10%")
    with pytest.raises(UsageError, match="no such grade"):
        read_gates(require="perfect")
