"""The formulae: cores, memory and replicas from made-up measurements whose answers can be worked out by hand."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest

from plimsoll.profiling.advice.cpu import Demand, recommend_cpu
from plimsoll.profiling.advice.memory import recommend_memory
from plimsoll.profiling.advice.rounding import MEBIBYTE
from support.made_up import cpu_of

STEADY = Demand(cpu_s=0.010, capacity_rps=100.0, service_s=0.010, squared_variation=0.0, busiest_cores=1.0, slots=1)


def test_without_a_target_the_replica_gets_what_it_can_keep_busy() -> None:
    answer = recommend_cpu(STEADY, None, None)
    assert answer.utilisation == pytest.approx(2 / 3, abs=0.01)
    assert answer.operating_rps == pytest.approx(66.7, abs=0.5)
    assert (answer.cores.request_cores, answer.cores.limit_cores, answer.replicas) == (1.0, 1.0, None)


def test_the_busiest_moments_count_when_they_are_a_whole_step_above() -> None:
    for busiest, cores in ((1.1, 1.0), (1.3, 1.0), (1.35, 1.25)):
        answer = recommend_cpu(dataclasses.replace(STEADY, busiest_cores=busiest), None, None)
        assert answer.cores.request_cores == cores


@pytest.mark.parametrize("true_cores", [0.98, 1.0, 1.02, 0.48, 1.9, 2.0, 3.9])
def test_the_rounded_answer_is_the_same_in_nine_of_ten_runs(true_cores: float) -> None:
    """Runs that differ by 1 % in cost and capacity, with bounds 2 % and busiest moments up to 4 % above."""
    draw = random.Random(7)
    answers = Counter[float]()
    for _ in range(200):
        cost = draw.gauss(1.0, 0.01)
        run = Demand(
            cpu_s=0.010 * cost,
            capacity_rps=true_cores / 0.010 / draw.gauss(1.0, 0.005),
            service_s=0.010,
            squared_variation=0.0,
            busiest_cores=true_cores * draw.uniform(1.0, 1.04),
            slots=1,
            cpu_upper_s=0.010 * cost * 1.02,
        )
        answers[recommend_cpu(run, None, None).cores.request_cores] += 1
    assert answers.most_common(1)[0][1] >= 180, answers


def test_an_slo_decides_the_rate() -> None:
    answer = recommend_cpu(STEADY, None, None, slo_rps=50.0)
    assert answer.operating_rps == answer.carries_rps == pytest.approx(45.0)
    assert answer.utilisation == pytest.approx(0.45)
    assert "latency objective" in answer.cores.reason
    assert recommend_cpu(STEADY, 90.0, None, slo_rps=50.0).replicas == 2


def test_memory_that_grows_gets_room() -> None:
    still, growing = (
        recommend_memory(0, 1_000_000_000, None),
        recommend_memory(0, 1_000_000_000, None, growing_worker_bytes=50_000_000),
    )
    assert growing.need_bytes - still.need_bytes == 300_000_000
    assert growing.base_bytes == still.need_bytes
    assert "grows with every request: 300 MB" in growing.size.reason


def test_a_target_rate_is_spread_over_replicas() -> None:
    answer = recommend_cpu(STEADY, 150.0, None)
    assert answer.replicas == 3
    assert answer.operating_rps == pytest.approx(50.0)
    assert answer.demand_cores == pytest.approx(50 * 0.010)
    assert answer.need_cores == pytest.approx(50 * 0.010 / 0.75), "of one CPU, which is not as busy as the slot"
    assert answer.cores.request_cores == 0.7


def test_an_objective_leaves_the_cpu_the_room_of_the_slots() -> None:
    answer = recommend_cpu(STEADY, 150.0, None, 80.0)
    assert answer.need_cores == pytest.approx(answer.demand_cores / answer.utilisation)


def test_a_small_target_needs_a_small_share() -> None:
    answer = recommend_cpu(STEADY, 5.0, None)
    assert (answer.replicas, answer.cores.request_cores, answer.cores.limit_cores) == (1, 0.1, 1.0)


def test_more_variation_leaves_more_room() -> None:
    wild = recommend_cpu(dataclasses.replace(STEADY, squared_variation=4.0), 150.0, None)
    assert wild.utilisation == pytest.approx(0.29, abs=0.01)
    assert wild.replicas == 6


def test_unmeasured_variation_falls_back_to_seventy_percent() -> None:
    assert recommend_cpu(dataclasses.replace(STEADY, squared_variation=None), None, None).utilisation == 0.7


def test_threads_that_share_a_lock_are_one_server() -> None:
    """Four slots, but throughput times service time says that only one works at a time."""
    assert recommend_cpu(dataclasses.replace(STEADY, slots=4), None, None).utilisation == pytest.approx(0.67, abs=0.01)


def test_utilisation_without_room_gets_a_margin() -> None:
    many = Demand(0.010, 800.0, 0.010, 0.0, 8.0, 8)
    answer = recommend_cpu(many, None, None)
    assert answer.utilisation > 0.9
    assert answer.need_cores == pytest.approx(8.0 * 1.15)
    assert "15% margin" in answer.cores.reason


def test_an_upper_bound_for_cpu_lowers_the_rate_and_raises_the_replicas() -> None:
    wide = Demand(0.010, 400.0, 0.010, 1.0, 4.0, 4)
    free, bounded = recommend_cpu(wide, 300.0, None), recommend_cpu(wide, 300.0, 1.0)
    assert bounded.cores.request_cores <= 1.0
    assert bounded.capacity_rps == pytest.approx(100.0)
    assert bounded.utilisation == pytest.approx(0.5, abs=0.01)
    assert free.replicas == 1
    assert bounded.replicas == 6


def test_a_waiting_model_needs_little_cpu() -> None:
    sleeper = Demand(0.0005, 50.0, 0.020, 0.0, 0.03, 1)
    assert recommend_cpu(sleeper, None, None).cores.request_cores == 0.1


@pytest.mark.parametrize(
    ("load", "phase", "heavy", "need", "request_mib", "when"),
    [
        (300_000_000, 200_000_000, None, 300_000_000, 384, "while the model loads"),
        (100_000_000, 200_000_000, 150_000_000, 200_000_000, 320, "under load"),
        (100_000_000, 200_000_000, 2_000_000_000, 2_000_000_000, 2304, "heaviest row"),
    ],
)
def test_memory_is_the_greatest_need_with_headroom(
    load: int, phase: int, heavy: int | None, need: int, request_mib: int, when: str
) -> None:
    answer = recommend_memory(load, phase, heavy)
    assert answer.need_bytes == need
    assert answer.size.request_bytes == request_mib * MEBIBYTE
    assert answer.size.request_bytes >= max(need * 1.15, need + 100_000_000)
    assert when in answer.size.reason


def test_what_was_too_fast_is_carried_more_slowly_on_the_same_cores() -> None:
    answer = cpu_of(1.5, carries_rps=100.0).slower(0.8, None)
    assert (answer.operating_rps, answer.carries_rps, answer.replicas) == (80.0, 80.0, None)
    assert answer.cores.request_cores == 1.5
    turned_away = "At 100 requests/s requests were turned away even without limits"
    assert answer.cores.reason == f"Because. {turned_away}: 80 requests/s are measured instead."


def test_a_target_then_needs_more_replicas() -> None:
    answer = cpu_of(1.5, carries_rps=100.0, replicas=1).slower(0.8, 100.0)
    assert (answer.operating_rps, answer.carries_rps, answer.replicas) == (50.0, 80.0, 2)
    assert (answer.need_cores, answer.cores.request_cores) == (0.5, 0.5), "half of the rate needs half of the 1.0 cores"
