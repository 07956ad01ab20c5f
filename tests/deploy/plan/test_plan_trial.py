"""Many replicas over hours, where the answer is known: by arithmetic, by formula, or by simulating all of them."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from plimsoll.deploy.plan.cluster.autoscaler import ByTrigger, ByUtilisation, Fixed
from plimsoll.deploy.plan.cluster.course import Course
from plimsoll.deploy.plan.cluster.hpa import Behaviour
from plimsoll.deploy.plan.cluster.keda import Activation
from plimsoll.deploy.plan.cluster.nodes import Nodes
from plimsoll.deploy.plan.cluster.traffic import Traffic, parse_swing
from plimsoll.deploy.plan.cluster.trial import STEP_S, CpuUse, Scene, run_trial, step_of
from plimsoll.deploy.plan.replica.model import ReplicaModel
from plimsoll.deploy.plan.replica.outcomes import Outcomes
from plimsoll.deploy.plan.replica.present import Present
from plimsoll.deploy.plan.replica.window import run_window
from support.planned import EXPONENTIAL

SEED = 20201
START_S = 20.0
# What the documentation promises of a lost node.
NOTICED_S, EVICTED_S = 50.0, 350.0
SERVICE_S = 0.01


def replica(service_s: float = SERVICE_S, most_waiting: int = 256) -> ReplicaModel:
    return ReplicaModel(servers=1, service_s=service_s, delay_s=0, shape=EXPONENTIAL, most_waiting=most_waiting)


def scene(traffic: Traffic, model: ReplicaModel | None = None, **changes: Any) -> Scene:
    """A replica that keeps one core busy at its capacity, and asks for one."""
    model = model or replica()
    print(f"seed {SEED}")
    values: dict[str, Any] = {
        "traffic": traffic,
        "outcomes": Outcomes(model, step_of(traffic), SEED),
        "cpu": CpuUse(((0.0, 0.0), (model.capacity_rps, 1.0))),
        "request_cores": 1.0,
        "start_s": START_S,
        "metrics_delay_s": 15.0,
        "nodes": Nodes(),
        "seed": SEED,
    }
    return Scene(**values | changes)


def steady(rate_rps: float, minutes: int = 60) -> Traffic:
    return Traffic("steady", 60.0, (rate_rps,) * minutes)


def keda(target_rps: float, least: int = 1, most: int = 1000) -> ByTrigger:
    return ByTrigger(lambda metrics: metrics.rps, target_rps, Behaviour(max(1, least), most), Activation(least))


def replicas_at(course: Course, at_s: float) -> float:
    return next(point.ready for point in reversed(course.points()) if point.at_s <= at_s)


def test_fixed_replicas_cost_their_hours_and_answer_as_the_formula_says() -> None:
    course = run_trial(scene(steady(700.0)), Fixed(10), 10)
    assert course.replica_hours == pytest.approx(10.0)
    assert (course.least, course.most) == (10, 10)
    assert course.requests == pytest.approx(700 * 3600, rel=0.01)
    # M/M/1 at 70 %: exponential with 100/s - 70/s.
    for share in (0.5, 0.95, 0.99):
        assert course.percentile_s(share) == pytest.approx(-math.log(1 - share) / 30, rel=0.05)


def test_bursts_shorter_than_a_minute_are_followed() -> None:
    """For 2 s of every 10 more comes than can be answered; on average it is two fifths."""
    bursts = (200.0, 200.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    course = run_trial(scene(Traffic("bursts", 1.0, bursts * 360)), Fixed(1), 1)
    even = run_trial(scene(steady(40.0)), Fixed(1), 1)
    assert course.requests == pytest.approx(even.requests, rel=0.02)
    # Twice as much comes as is answered, so that half of what comes in 2 s waits at the end: 1 s and more, 2 s at most.
    assert course.percentile_s(0.5) == pytest.approx(1.0, abs=0.1)
    assert course.percentile_s(0.99) == pytest.approx(2.0, abs=0.4)
    assert (even.percentile_s(0.99) or 0) < 0.1


def test_eight_lanes_stand_for_all_replicas() -> None:
    """A rise over what 50 replicas can do, and back: as if each of them had been simulated from the first second on."""
    rates = [3000.0] * 4 + [6500.0] * 2 + [3500.0] * 6
    thinned = run_trial(scene(Traffic("hill", 60.0, tuple(rates))), Fixed(50), 50)
    latencies: list[float] = []
    refused = requests = 0
    for number in range(50):
        present, random = Present(), Random(number)
        for rate_rps in rates:
            window = run_window(replica(), rate_rps / 50, 60.0, present, random)
            present = window.left
            requests += len(window.latencies_s)
            refused += window.latencies_s.count(None)
            latencies += [latency_s for latency_s in window.latencies_s if latency_s is not None]
    latencies.sort()
    assert thinned.requests == pytest.approx(requests, rel=0.02)
    assert thinned.refused_share == pytest.approx(refused / requests, rel=0.1)
    for share in (0.5, 0.95, 0.99):
        known_s = latencies[int(share * requests)] if share * requests < len(latencies) else None
        assert thinned.percentile_s(share) == (known_s and pytest.approx(known_s, rel=0.1))


def test_too_few_replicas_refuse_what_they_cannot_answer() -> None:
    course = run_trial(scene(steady(1500.0)), Fixed(10), 10)
    assert course.refused_share == pytest.approx(1 - 1000 / 1500, rel=0.03)
    assert course.percentile_s(0.99) is None


def test_ten_thousand_replicas_cost_no_more_to_simulate_than_ten() -> None:
    needed = []
    for replicas in (10, 15_000):
        made = scene(parse_swing(f"{20 * replicas}:{70 * replicas}:2h"))
        course = run_trial(made, Fixed(replicas), replicas)
        assert course.requests == pytest.approx(45 * replicas * 2 * 3600, rel=0.01)
        needed.append(made.outcomes.simulated)
    assert needed[1] <= 1.5 * needed[0]
    assert needed[1] < 10_000_000


def test_the_hpa_settles_where_the_utilisation_is_what_was_asked_for() -> None:
    course = run_trial(scene(steady(2000.0)), ByUtilisation(0.5, Behaviour(1, 1000)), 20)
    # 20 cores of work at 50 %, within the tolerance of a tenth.
    assert 36 <= course.points()[-1].replicas <= 45
    assert course.points()[-1].p99_s is not None


def test_a_rise_hurts_until_pods_have_started() -> None:
    rise = Traffic("rise", 60.0, (300.0,) * 10 + (2400.0,) * 50)
    slow = run_trial(scene(rise, start_s=120.0), keda(60.0), 5)
    quick = run_trial(scene(rise, start_s=5.0), keda(60.0), 5)
    assert replicas_at(quick, 599) == replicas_at(slow, 599) == 5
    assert replicas_at(quick, 3590) == replicas_at(slow, 3590) == 40
    assert slow.refused > 2 * quick.refused > 0
    assert slow.points()[-1].refused_rps == 0


def test_keda_sleeps_at_night_and_loses_the_first_requests() -> None:
    night = Traffic("night", 60.0, (50.0,) * 5 + (0.0,) * 20 + (50.0,) * 15)
    course = run_trial(scene(night), keda(60.0, least=0), 1)
    assert (course.least, course.most) == (0, 1)
    # From 300 s after the last poll that found it active until the next morning.
    assert course.replica_hours * 3600 == pytest.approx(2400 - 900, abs=90)
    # Seen by a poll, 15 s late, at the next sync, and started.
    assert 50 * START_S <= course.refused <= 50 * (START_S + 15 + 30 + 15 + STEP_S)


def test_what_is_sent_to_a_lost_node_is_lost_until_it_is_noticed() -> None:
    nodes = Nodes(2, (1800.0,))
    course = run_trial(scene(steady(500.0), nodes=nodes), Fixed(10), 10)
    assert course.refused == pytest.approx(500 * NOTICED_S * 2 / 10, rel=0.02)
    assert replicas_at(course, 1800 + 60) == 8
    assert replicas_at(course, 1800 + EVICTED_S + START_S + 60) == 10
    # Ordered they were all the time.
    assert course.replica_hours == pytest.approx(10.0)
    assert course.node_hours == pytest.approx(5.0)


def test_nodes_that_are_lost_at_random() -> None:
    nodes = Nodes(1, mtbf_s=3600.0)
    course = run_trial(scene(steady(500.0), nodes=nodes), Fixed(10), 10)
    # Ten nodes for an hour, a few seconds' traffic of one of them for each loss.
    assert course.refused == pytest.approx(10 * 50 * NOTICED_S, rel=0.7)


def test_the_same_seed_is_the_same_course() -> None:
    traffic = parse_swing("100:900:1h")
    one, same, other = (
        run_trial(scene(traffic, seed=seed), ByUtilisation(0.6, Behaviour(1, 50)), 2) for seed in (1, 1, 2)
    )
    assert (one, one.points()) == (same, same.points())
    assert one != other


def test_cpu_is_linear_between_what_was_measured() -> None:
    use = CpuUse(((0.0, 0.0), (50.0, 0.6), (100.0, 1.0)))
    assert [use.cores(rate_rps) for rate_rps in (0, 25, 50, 75, 100, 300)] == pytest.approx([0, 0.3, 0.6, 0.8, 1, 1])
