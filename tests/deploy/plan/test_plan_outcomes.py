"""Steps that are remembered and drawn again make the same course as one long simulation."""

from __future__ import annotations

import math
from random import Random

import pytest

from plimsoll.deploy.plan.replica.histogram import bucket_of, merged, percentile_s, seconds_of, share_within
from plimsoll.deploy.plan.replica.model import BatchTimes, ReplicaModel
from plimsoll.deploy.plan.replica.outcomes import Outcome, Outcomes
from plimsoll.deploy.plan.replica.present import Present, present_of
from plimsoll.deploy.plan.replica.shape import Shape
from plimsoll.deploy.plan.replica.window import run_window
from support.planned import EXPONENTIAL, TWO_KINDS

SEED = 20201
STEP_S = 5.0


def replica(service_s: float, servers: int = 1, shape: Shape = EXPONENTIAL, most_waiting: int = 256) -> ReplicaModel:
    return ReplicaModel(servers=servers, service_s=service_s, delay_s=0.0, shape=shape, most_waiting=most_waiting)


def walked(model: ReplicaModel, utilisation: float, steps: int) -> list[Outcome]:
    """Each step begins where the one before ended."""
    print(f"seed {SEED}")
    outcomes, random, present, course = Outcomes(model, STEP_S, SEED), Random(SEED), Present(), []
    for _ in range(steps):
        outcome = outcomes.draw(utilisation * model.capacity_rps, present, random)
        present = outcome.left
        course.append(outcome)
    return course


@pytest.mark.parametrize(
    ("service_s", "servers", "utilisation"),
    [(0.01, 1, 0.7), (0.5, 1, 0.8), (2.0, 4, 0.7), (10.0, 2, 0.6)],
    ids=["many in a step", "some", "few", "longer than a step"],
)
def test_steps_in_a_row_are_one_long_window(service_s: float, servers: int, utilisation: float) -> None:
    model = replica(service_s, servers, TWO_KINDS)
    course = walked(model, utilisation, 40_000)[100:]
    together = merged((outcome.latencies, 1.0) for outcome in course)
    rate_rps = utilisation * model.capacity_rps
    whole = run_window(model, rate_rps, 1_000_000 / rate_rps, Present(), Random(SEED + 1)).latencies_s
    known = sorted(latency_s for latency_s in whole if latency_s is not None)
    for share in (0.5, 0.95, 0.99):
        assert percentile_s(together, share) == pytest.approx(known[int(share * len(known))], rel=0.08)
    requests = sum(outcome.requests for outcome in course)
    assert requests == pytest.approx(rate_rps * STEP_S * len(course), rel=0.02)


@pytest.mark.parametrize("run_s", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("utilisation", [0.4, 0.8])
def test_batches_go_on_over_the_ends_of_steps(run_s: float, utilisation: float) -> None:
    times = BatchTimes(run_s / 40, run_s / 2, 20)
    model = ReplicaModel(
        servers=2, service_s=times.run_s(1), delay_s=0, shape=TWO_KINDS, most_waiting=256, batches=times
    )
    course = walked(model, utilisation, 20_000)[100:]
    together = merged((outcome.latencies, 1.0) for outcome in course)
    rate_rps = utilisation * model.capacity_rps
    whole = run_window(model, rate_rps, 300_000 / rate_rps, Present(), Random(SEED + 1))
    known = sorted(latency_s for latency_s in whole.latencies_s if latency_s is not None)
    for share in (0.5, 0.95, 0.99):
        assert percentile_s(together, share) == pytest.approx(known[int(share * len(known))], rel=0.08)
    under_way = sum(outcome.under_way for outcome in course) / len(course)
    assert under_way == pytest.approx(whole.under_way, rel=0.15)


@pytest.mark.parametrize("service_s", [0.0001, 0.01, 0.5])
def test_an_overloaded_replica_refuses_the_rest(service_s: float) -> None:
    course = walked(replica(service_s), 1.5, 2000)[300:]
    refused = sum(outcome.refused for outcome in course) / sum(outcome.requests for outcome in course)
    assert refused == pytest.approx(1 - 1 / 1.5, rel=0.04)


@pytest.mark.parametrize("service_s", [0.0001, 0.001, 0.01])
def test_a_little_too_much_fills_the_queue_as_well(service_s: float) -> None:
    """M/M/1/K, of 257 places: at 1.05 all but a few in a million of what is too much is refused.

    To one in a hundred requests: so far the arrivals of the steps that are drawn again and again are off their mean.
    """
    course = walked(replica(service_s), 1.05, 3000)[1000:]
    refused = sum(outcome.refused for outcome in course) / sum(outcome.requests for outcome in course)
    assert refused == pytest.approx(1 - 1 / 1.05, abs=0.012)


@pytest.mark.parametrize("service_s", [0.001, 1.0])
def test_far_more_than_can_be_answered_costs_no_more_to_simulate(service_s: float) -> None:
    outcomes, model = Outcomes(replica(service_s), STEP_S, SEED), replica(service_s)
    outcome = outcomes.draw(1000 * model.capacity_rps, present_of(257, model, Random(1)), Random(SEED))
    assert outcome.requests == pytest.approx(1000 * model.capacity_rps * STEP_S, rel=0.01)
    assert outcome.refused == pytest.approx(999 * model.capacity_rps * STEP_S, rel=0.02)
    assert outcomes.simulated < 5000


def test_a_queue_that_fills_up_takes_its_time() -> None:
    # 1.2 requests/s at 1 a second: 256 wait after 1280 s and not before.
    course = walked(replica(1.0), 1.2, 500)
    assert sum(outcome.refused for outcome in course[:200]) == 0
    assert sum(outcome.refused for outcome in course[300:]) > 0
    assert course[100].left.count < course[200].left.count


def test_a_long_step_is_simulated_in_part_and_counts_in_full() -> None:
    outcomes = Outcomes(replica(0.0001), STEP_S, SEED)
    outcome = outcomes.draw(7000.0, Present(), Random(1))
    assert outcome.requests == pytest.approx(7000 * STEP_S, rel=0.02)
    assert outcomes.simulated < 5000
    assert sum(outcome.latencies.values()) + outcome.refused == pytest.approx(outcome.requests)


def test_nothing_comes_and_the_queue_is_worked_off() -> None:
    model = replica(1.0)
    outcome = Outcomes(model, STEP_S, SEED).draw(0.0, present_of(3, model, Random(2)), Random(1))
    assert (outcome.requests, outcome.latencies, outcome.refused) == (0, {}, 0)
    assert outcome.left.count < 3


def test_a_draw_does_not_depend_on_earlier_ones() -> None:
    model = replica(0.01)
    some = [present_of(count, model, Random(count)) for count in range(9)]
    fresh, used = Outcomes(model, STEP_S, SEED), Outcomes(model, STEP_S, SEED)
    for step in range(200):
        used.draw(0.3 * step, some[step % 9], Random(step))
    for step in range(50):
        assert fresh.draw(70.0, some[step % 3], Random(step)) == used.draw(70.0, some[step % 3], Random(step))
    assert used.simulated > fresh.simulated


def test_another_seed_is_another_course() -> None:
    one, other = (Outcomes(replica(0.01), STEP_S, seed).draw(70.0, Present(), Random(1)) for seed in (1, 2))
    assert one != other


def test_percentiles_count_what_was_refused_as_slower_than_all() -> None:
    buckets = {bucket_of(0.001): 90.0, bucket_of(0.1): 5.0}
    assert percentile_s(buckets, 0.9, failed=5) == pytest.approx(0.001, rel=0.01)
    assert percentile_s(buckets, 0.95, failed=5) == pytest.approx(0.1, rel=0.01)
    assert percentile_s(buckets, 0.96, failed=5) is None
    assert share_within(buckets, 0.01, failed=5) == pytest.approx(0.9)
    assert share_within({}, 0.01) == 1


def test_buckets_are_one_per_cent_wide() -> None:
    for power in range(-12, 8):
        seconds = math.exp(power)
        assert seconds_of(bucket_of(seconds)) == pytest.approx(seconds, rel=0.0051)
