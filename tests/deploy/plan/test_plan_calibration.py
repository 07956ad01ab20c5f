"""The model answers as the server did: alone, at the rate of the evidence, and when there is too much to do."""

from __future__ import annotations

import dataclasses
import statistics
from pathlib import Path
from random import Random
from typing import Any

import pytest

from plimsoll.deploy.needs import read_needs
from plimsoll.deploy.plan.replica.calibration import calibrate, queue_of
from plimsoll.deploy.plan.replica.evidence import Evidence, MeasuredLatency, Node, evidence_of
from plimsoll.deploy.plan.replica.model import BatchTimes, ReplicaModel
from plimsoll.deploy.plan.replica.present import Present
from plimsoll.deploy.plan.replica.window import run_window
from plimsoll.errors import UsageError
from plimsoll.profiling.result.profile import Profile, SettingsInfo
from support.operated import written
from support.planned import CONSTANT, EXPONENTIAL, OPERATING, evidence, plannable_profile

SEED = 20201
ONE_ROW = {"rows": [1], "bodyBytes": [1], "cpuSeconds": [0.01]}


def answered_rps(model: ReplicaModel) -> float:
    """Under twice of what it can do."""
    seconds = 40_000 / model.capacity_rps
    window = run_window(model, 2 * model.capacity_rps, seconds, Present(), Random(SEED))
    return (sum(latency_s is not None for latency_s in window.latencies_s) - window.left.count) / seconds


def alone_s(model: ReplicaModel) -> float:
    window = run_window(model, 0.001, 4_000_000, Present(), Random(SEED))
    return statistics.fmean(latency_s for latency_s in window.latencies_s if latency_s is not None)


def test_what_a_queue_explains_needs_no_more() -> None:
    made = calibrate(evidence(), SEED)
    assert made.model.pauses is None
    assert made.model.busy_delay_s == pytest.approx(0, abs=0.002)
    assert (made.model.servers, made.model.service_s) == (1, pytest.approx(0.010))


@pytest.mark.parametrize(
    ("capacity_rps", "batches"), [(100.0, None), (380.0, BatchTimes(0.002, 0.010, 16))], ids=["single calls", "batches"]
)
def test_a_longer_tail_is_met_and_the_capacity_stays(capacity_rps: float, batches: BatchTimes | None) -> None:
    latency = MeasuredLatency(100_000, 60.0, 0.020, 0.150, 0.300, "made up")
    wanted = evidence(shape=CONSTANT, capacity_rps=capacity_rps, latency=latency, batches=batches)
    made = calibrate(wanted, SEED)
    assert made.model.pauses is not None
    assert made.simulated.p50_s == pytest.approx(0.020, rel=0.2)
    assert made.simulated.p95_s == pytest.approx(0.150, rel=0.1)
    assert made.simulated.p99_s == pytest.approx(0.300, rel=0.1)
    assert made.model.capacity_rps == pytest.approx(capacity_rps)
    assert answered_rps(made.model) == pytest.approx(capacity_rps, rel=0.04)


@pytest.mark.parametrize(("requests", "is_chance"), [(300, True), (100_000, False)])
def test_what_chance_explains_is_no_pause(requests: int, is_chance: bool) -> None:
    """M/M/1 at 70 %, with a p95 that is a fifth above the true one of 100 ms: of 300 requests it often is."""
    by_the_book = evidence().latency
    latency = dataclasses.replace(by_the_book, requests=requests, p95_s=0.120, p99_s=0.180)
    assert (calibrate(evidence(latency=latency), SEED).model.pauses is None) is is_chance


def test_a_slower_median_is_met_by_a_delay_under_load() -> None:
    latency = MeasuredLatency(100_000, 50.0, 0.050, 0.085, None, "made up")
    made = calibrate(evidence(latency=latency), SEED)
    assert made.simulated.p50_s == pytest.approx(0.050, rel=0.02)
    assert alone_s(made.model) == pytest.approx(0.010, rel=0.1)


def test_the_same_seed_finds_the_same() -> None:
    latency = MeasuredLatency(100_000, 60.0, 0.020, 0.150, 0.300, "made up")
    assert calibrate(evidence(latency=latency), 7) == calibrate(evidence(latency=latency), 7)


@pytest.mark.parametrize(
    ("capacity_rps", "slots", "servers"),
    [(100.0, 1, 1), (395.0, 4, 4), (200.0, 8, 2), (100.0, 4, 1), (30.0, 1, 1)],
    ids=["one slot", "every slot", "eight slots on two cores", "a lock", "slower under load"],
)
def test_slots_that_share_cores_are_as_many_servers_as_answer(capacity_rps: float, slots: int, servers: int) -> None:
    model = queue_of(evidence(capacity_rps=capacity_rps, slots=slots))
    assert model.servers == servers
    assert model.capacity_rps == pytest.approx(capacity_rps)
    assert answered_rps(model) == pytest.approx(capacity_rps, rel=0.04)


def test_what_holds_no_server_is_a_delay() -> None:
    # Alone 10 ms, but 500 a second on one slot: 2 ms in it, 8 ms on the way.
    model = queue_of(evidence(capacity_rps=500.0))
    assert (model.service_s, model.delay_s) == (pytest.approx(0.002), pytest.approx(0.008))
    assert alone_s(model) == pytest.approx(0.010, rel=0.05)


def test_batches_saturate_at_what_was_measured() -> None:
    # By the fit alone 16 / 42 ms = 381 a second.
    model = queue_of(evidence(capacity_rps=300.0, batches=BatchTimes(0.002, 0.010, 16), shape=EXPONENTIAL))
    assert model.capacity_rps == pytest.approx(300.0)
    assert answered_rps(model) == pytest.approx(300.0, rel=0.04)


def seen(folder: Path, profile: Profile, node: Node = "quiet") -> Evidence:
    needs, content = read_needs(written(profile, folder))
    return evidence_of(content, needs, node, "--profile p.json")


def test_a_profile_says_what_there_is_to_know(tmp_path: Path) -> None:
    found = seen(tmp_path, plannable_profile())
    assert found.alone_s == pytest.approx(0.0105, rel=0.03)
    assert found.capacity_rps == pytest.approx(95.4)
    assert found.latency == MeasuredLatency(3000, 63.6, 0.0160, 0.0460, 0.0680, "without limits")
    assert found.most_waiting == 256


def test_what_may_wait_is_what_the_profiled_server_lets_wait(tmp_path: Path) -> None:
    profile = plannable_profile()
    waits = {"max_queue": 7, "scoring_timeout_seconds": 4.0, "grace_seconds": 2.0}
    given = profile.model_copy(update={"settings": profile.settings.model_copy(update=waits)})
    found = seen(tmp_path, given)
    assert (found.most_waiting, found.slot_patience_s) == (7, 10.0)


def test_earlier_files_have_what_may_wait_as_flags() -> None:
    content = plannable_profile().settings.model_dump(by_alias=True)
    content = {key: value for key, value in content.items() if key not in ("maxQueue", "graceSeconds")}
    flags = ["--max-queue", "9", "--threads", "2", "--max-queue", "8", "--grace-seconds", "2.5"]
    read = SettingsInfo.model_validate(content | {"serverArguments": flags})
    assert (read.max_queue, read.grace_seconds) == (8, 2.5)
    assert SettingsInfo.model_validate(content).max_queue == 256


def test_without_a_curve_the_rows_say_how_requests_differ(tmp_path: Path) -> None:
    found = seen(tmp_path, plannable_profile(latencyCurves=[]))
    assert found.shape_source == "CPU times of 3 rows"
    assert sorted(found.shape.values)[-1] == pytest.approx(0.05 / (0.071 / 3))


@pytest.mark.parametrize(
    ("changes", "node", "message"),
    [
        ({"latencyCurves": [], "rowCosts": ONE_ROW}, "quiet", "one at a time"),
        ({"operatingLevel": OPERATING | {"latencySeconds": {}}}, "quiet", "measured inside the recommended limits"),
        ({}, "full", "measured on a full node"),
    ],
)
def test_a_profile_that_does_not_say_enough(tmp_path: Path, changes: dict[str, Any], node: Node, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        seen(tmp_path, plannable_profile(**changes), node)
    assert str(raised.value).startswith("--profile p.json: it ")


def carrying(profile: Profile, most_rps: float) -> Profile:
    """So many requests/s at most; the levels stay those of the server that was tried first."""
    point = profile.recommendation.operating_point
    assert point is not None
    point = point.model_copy(update={"utilisation": point.requests_per_second / most_rps})
    advice = profile.recommendation.model_copy(update={"operating_point": point})
    return profile.model_copy(update={"recommendation": advice})


def test_the_capacity_is_that_of_the_configuration_that_is_recommended(tmp_path: Path) -> None:
    assert seen(tmp_path, carrying(plannable_profile(), 150.0)).capacity_rps == pytest.approx(150.0)


def test_a_cpu_limit_lowers_the_capacity(tmp_path: Path) -> None:
    found = seen(tmp_path, carrying(plannable_profile(), 400.0))
    # 2 cores at 10.35 ms each.
    assert found.capacity_rps == pytest.approx(2.0 / 0.01035)
