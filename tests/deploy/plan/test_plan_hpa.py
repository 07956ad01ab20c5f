"""The autoscaler decides as that of Kubernetes: the cases of its unit tests, the examples of its documentation."""

from __future__ import annotations

import pytest

from plimsoll.deploy.plan.cluster.hpa import (
    SCALE_UP,
    Behaviour,
    Pods,
    Policy,
    Rules,
    replicas_by_metric,
    replicas_by_utilisation,
)

# pkg/controller/podautoscaler/replica_calculator_test.go: mean utilisation of the measured pods, in per cent of their
# requests, how many of them there are, how many are unready or have no metric, the target, and what is expected.
UPSTREAM = {
    "TestReplicaCalcScaleUp": (50, 3, 0, 0, 30, 5),
    "TestReplicaCalcScaleUpUnreadyLessScale": (60, 2, 1, 0, 30, 4),
    "TestReplicaCalcScaleUpHotCpuLessScale": (60, 2, 1, 0, 30, 4),
    "TestReplicaCalcScaleUpUnreadyNoScale": (40, 1, 2, 0, 30, 3),
    "TestReplicaCalcScaleDown": (28, 5, 0, 0, 50, 3),
    "TestReplicaCalcScaleDownIgnoresUnreadyPods": (30, 3, 2, 0, 50, 2),
    "TestReplicaCalcTolerance": (102, 3, 0, 0, 100, 3),
    "TestReplicaCalcMissingMetricsNoChangeEq": (100, 1, 0, 1, 100, 2),
    "TestReplicaCalcMissingMetricsNoChangeGt": (190, 1, 0, 1, 100, 2),
    "TestReplicaCalcMissingMetricsNoChangeLt": (60, 1, 0, 1, 100, 2),
    "TestReplicaCalcMissingMetricsUnreadyChange": (45, 1, 1, 1, 50, 3),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_as_many_replicas_as_kubernetes_own_tests_expect(name: str) -> None:
    utilisation, measured, unready, missing, target, expected = UPSTREAM[name]
    pods = Pods(measured, unready, missing)
    assert replicas_by_utilisation(pods, utilisation / 100, target / 100) == expected


@pytest.mark.parametrize(
    ("current", "total", "target", "expected"),
    [(2, 400, 100, 4), (4, 200, 100, 2), (10, 1099, 100, 10), (10, 901, 100, 10), (10, 1101, 100, 12), (3, 0, 100, 0)],
)
def test_a_metric_per_pod(current: int, total: float, target: float, expected: int) -> None:
    assert replicas_by_metric(current, total, target) == expected


def followed(behaviour: Behaviour, current: int, wishes: list[int]) -> list[int]:
    """One wish at each sync, 15 s apart."""
    course = []
    for number, wish in enumerate(wishes):
        current = behaviour.replicas(15.0 * number, current, wish)
        course.append(current)
    return course


def test_by_default_it_doubles_or_adds_four() -> None:
    assert followed(Behaviour(1, 1000), 1, [100] * 6) == [5, 10, 20, 40, 80, 100]


def test_by_default_it_waits_five_minutes_before_it_scales_down() -> None:
    course = followed(Behaviour(1, 100), 10, [10] + [4] * 25)
    # 300 s are twenty syncs.
    assert course == [10] * 20 + [4] * 6


def test_it_goes_down_to_the_most_that_was_wished_for() -> None:
    course = followed(Behaviour(1, 100), 10, [10] + [4] * 10 + [7] + [4] * 21)
    assert course == [10] * 20 + [7] * 11 + [4] * 2


def test_bounds_hold() -> None:
    assert followed(Behaviour(2, 6), 4, [50] * 3) == [6, 6, 6]
    assert followed(Behaviour(2, 6, down=Rules(0.0, (Policy(15.0, share=1.0),))), 4, [0]) == [2]


def test_of_several_policies_the_fastest_counts() -> None:
    # The example of the documentation: four pods or 10 % of them in a minute, whichever is more.
    down = Rules(0.0, (Policy(60.0, pods=4), Policy(60.0, share=0.1)))
    assert followed(Behaviour(1, 100, down=down), 80, [10])[0] == 72
    assert followed(Behaviour(1, 100, down=down), 30, [10])[0] == 26


def test_a_policy_counts_what_changed_in_its_period() -> None:
    up = Rules(0.0, (Policy(60.0, pods=4),))
    assert followed(Behaviour(1, 100, up=up), 1, [50] * 9) == [5, 5, 5, 5, 9, 9, 9, 9, 13]


def test_a_window_for_scaling_up() -> None:
    up = Rules(60.0, SCALE_UP.policies)
    assert followed(Behaviour(1, 100, up=up), 4, [4, 8, 8, 8, 8, 8]) == [4, 4, 4, 4, 8, 8]
