"""Pods that start and nodes that are lost; KEDA on the way to zero and back; metrics that come late."""

from __future__ import annotations

from random import Random

import pytest

from plimsoll.deploy.plan.cluster.autoscaler import ByTrigger, Metrics
from plimsoll.deploy.plan.cluster.duration import parse_duration, spoken
from plimsoll.deploy.plan.cluster.fleet import Fleet
from plimsoll.deploy.plan.cluster.hpa import Behaviour, Pods
from plimsoll.deploy.plan.cluster.keda import Activation
from plimsoll.deploy.plan.cluster.nodes import Losses, Nodes
from plimsoll.deploy.plan.cluster.signals import Signals


def test_a_pod_is_ordered_then_ready_then_measured() -> None:
    fleet = Fleet(start_s=20, measured_after_s=30, ready=2)
    fleet.scale(100, 5)
    assert (fleet.wanted, fleet.ready, fleet.seen()) == (5, 2, Pods(2, 3))
    assert fleet.advance(119) == 0
    assert fleet.advance(120) == 3
    assert (fleet.ready, fleet.seen()) == (5, Pods(2, 3))
    fleet.advance(150)
    assert fleet.seen() == Pods(5)


def test_pods_that_are_not_ready_go_first() -> None:
    fleet = Fleet(start_s=20, measured_after_s=30, ready=4)
    fleet.scale(0, 6)
    fleet.scale(5, 5)
    assert (fleet.ready, fleet.seen()) == (4, Pods(4, 1))
    fleet.scale(10, 3)
    assert (fleet.wanted, fleet.ready, fleet.seen()) == (3, 3, Pods(3))


def test_a_lost_node_is_noticed_and_its_pods_are_made_anew() -> None:
    fleet = Fleet(start_s=20, measured_after_s=30, ready=6)
    fleet.lose(100, 2)
    assert (fleet.wanted, fleet.ready, fleet.unnoticed(100), fleet.seen()) == (6, 4, 2, Pods(4, 0, 2))
    assert (fleet.unnoticed(149), fleet.unnoticed(150)) == (2, 0)
    fleet.advance(450)
    assert (fleet.wanted, fleet.ready, fleet.seen()) == (6, 4, Pods(4, 2))
    fleet.advance(470)
    assert fleet.ready == 6


def test_no_more_is_lost_than_there_is() -> None:
    fleet = Fleet(start_s=20, measured_after_s=30, ready=1)
    fleet.lose(0, 8)
    assert (fleet.wanted, fleet.ready) == (1, 0)


def test_nodes_are_lost_at_their_times_and_at_random() -> None:
    losses = Losses(Nodes(4, (50.0, 20.0)), Random(1))
    assert [losses.until(at_s, 10) for at_s in (10.0, 20.0, 60.0, 70.0)] == [0, 1, 1, 0]
    # Three nodes for ten replicas, each lost once in 100 s.
    often = Losses(Nodes(4, mtbf_s=100.0), Random(20201))
    assert sum(often.until(5.0 * step, 10) for step in range(1, 20_001)) == pytest.approx(3 * 1000, rel=0.06)


def activated(totals: list[float]) -> list[int]:
    """One every 15 s, with at most ten replicas."""
    scaler = ByTrigger(lambda metrics: metrics.rps, 10.0, Behaviour(1, 10), Activation(0))
    current, course = 0, []
    for number, total in enumerate(totals):
        current = scaler.replicas(15.0 * number, Pods(current), Metrics(0.0, total, 0.0))
        course.append(current)
    return course


def test_keda_wakes_a_deployment_at_its_poll_and_the_hpa_takes_over() -> None:
    # Polls are at 0, 30, 60 s: what comes at 15 s is seen at 30 s.
    assert activated([0, 5, 35, 35, 35]) == [0, 0, 1, 4, 4]


def test_keda_puts_it_to_sleep_after_the_cooldown() -> None:
    course = activated([5, 5, *[0] * 30])
    # The last poll that found it active was at 0 s; the first one 300 s later is the one at 300 s.
    assert course.index(0, 1) == 20
    assert set(course[20:]) == {0}


def test_above_zero_keda_leaves_it_to_the_hpa() -> None:
    assert Activation(1).replicas(0.0, 3, 0.0) == 3


def test_metrics_are_means_of_the_last_period_and_late() -> None:
    signals = Signals(delay_s=15.0)
    for step in range(1, 13):
        signals.note(5.0 * step, Metrics(float(step), 10.0 * step, 0.0))
    # At 60 s the steps up to 45 s are known: the CPU of the last three of them, the rate of all nine.
    assert signals.at(60.0) == Metrics(8.0, 50.0, 0.0)


def test_before_the_first_period_the_first_step_is_known() -> None:
    signals = Signals(delay_s=15.0)
    signals.note(5.0, Metrics(0.5, 1.0, 2.0))
    assert signals.at(5.0) == Metrics(0.5, 1.0, 2.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5m", 90), ("24h", 86400), ("7d", 604800), ("x", None), ("-1", None)],
)
def test_lengths_of_time(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (90, "90 s"), (900, "15 min"), (86400, "1 day"), (43200, "12 h"), (604800, "7 days")],
)
def test_lengths_of_time_as_they_are_said(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
