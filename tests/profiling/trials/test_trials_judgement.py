"""What a server inside limits must do as well as without them."""

from __future__ import annotations

import dataclasses

import pytest

from plimsoll.host.cgroups.groups import GroupUse
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.phases.open_loop import RateLevel, pool_levels
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.trials.judgement import (
    Reference,
    judge_latency,
    judge_limit,
    judge_quota,
    judge_rate,
    judge_request,
    judge_slo,
    judge_start,
    reference_of,
)
from support.made_up import MEMORY, STARTUP, rate_level

REFERENCE = Reference(50.0, 4.0, 1, 0.020, 0.020, 0.030, 50.0, 0, 1.0, 0.8)


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (rate_level(), None),
        (rate_level(rate_rps=48.0), None),
        (rate_level(rate_rps=40.0), "40 requests/s of 50"),
        (rate_level(failures=3), "3 requests failed"),
        (rate_level(overrun=True), "its queue kept growing"),
        (rate_level(latency_s=0.5), None),
    ],
)
def test_the_rate_must_hold(level: RateLevel, words: str | None) -> None:
    problems = list(judge_rate(level, REFERENCE))
    assert (problems == []) is (words is None)
    assert words is None or words in problems[0]


def lossy(outcome: str, count: int) -> RateLevel:
    """4,000 requests, so many of them with this outcome."""
    level = rate_level(1000.0, failures=count)
    load = dataclasses.replace(level.answer.load, outcomes={"200": 4000 - count, outcome: count})
    return dataclasses.replace(level, answer=dataclasses.replace(level.answer, load=load))


@pytest.mark.parametrize(("outcome", "count", "kept"), [("429", 4, True), ("429", 5, False), ("502", 1, False)])
def test_so_few_are_refused_at_any_operating_point(outcome: str, count: int, kept: bool) -> None:
    """One in a thousand, by the same rule by which a rate is too high without limits; a worker that dies is another."""
    reference = dataclasses.replace(REFERENCE, rate_rps=1000.0, achieved_rps=1000.0)
    assert (list(judge_rate(lossy(outcome, count), reference)) == []) is kept
    assert reference_of([lossy("429", 4), lossy("502", 1)], STARTUP, 1).failures == 1


def test_one_refused_request_of_few_is_no_failure_either() -> None:
    """One in eighty is more than a percentile bears, and still one."""
    level = rate_level(20.0, failures=1)
    load = dataclasses.replace(level.answer.load, outcomes={"200": 79, "429": 1})
    level = dataclasses.replace(level, answer=dataclasses.replace(level.answer, load=load))
    assert list(judge_rate(level, dataclasses.replace(REFERENCE, rate_rps=20.0, achieved_rps=20.0))) == []


@pytest.mark.parametrize(("latency_s", "kept"), [(0.0255, True), (0.0265, False)])
def test_p95_within_a_fifth_and_2_ms(latency_s: float, kept: bool) -> None:
    problems = list(judge_latency(rate_level(latency_s=latency_s), REFERENCE, None))
    assert (problems == []) is kept
    assert kept or "p95 was 26.5 ms, without limits 20 ms" in problems[0]


@pytest.mark.parametrize(
    ("used", "latency_s", "kept"),
    [
        (GroupUse(0, 1, 40, 1, 0.03), 0.0345, True),
        (GroupUse(0, 1, 40, 1, 0.03), 0.0365, False),
        (GroupUse(0, 1, 40, 2, 0.05), 0.0345, False),
        (None, 0.0345, False),
    ],
)
def test_a_quota_that_did_nothing_is_not_blamed_for_what_happens_without_one(
    used: GroupUse | None, latency_s: float, kept: bool
) -> None:
    """4 s of load: under 1 % of it is 0.04 s. The slowest window without limits had a p95 of 35 ms."""
    reference = dataclasses.replace(REFERENCE, worst_p95_s=0.035)
    assert (list(judge_limit(rate_level(latency_s=latency_s), used, reference, None)) == []) is kept


@pytest.mark.parametrize(("latency_s", "kept"), [(0.0255, True), (0.0265, False)])
def test_the_mean_where_p95_needs_more_requests(latency_s: float, kept: bool) -> None:
    few = rate_level(rate_rps=10.0, latency_s=latency_s)
    assert few.latency.percentile_s(0.95) is None
    problems = list(judge_latency(few, dataclasses.replace(REFERENCE, p95_s=None), None))
    assert (problems == []) is kept
    assert kept or problems[0].startswith("mean")


def test_an_objective_is_held_to_and_nothing_else() -> None:
    slow = rate_level(latency_s=0.150)
    assert list(judge_latency(slow, REFERENCE, Slo(0.95, 0.2))) == []
    assert "200 of 200 requests took longer than 100 ms" in next(judge_latency(slow, REFERENCE, Slo(0.95, 0.1)))


def test_failed_requests_miss_an_objective() -> None:
    level = rate_level(failures=3)
    assert list(judge_slo(level, Slo(0.98, 1.0))) == []
    assert "3 of 200" in next(judge_slo(level, Slo(0.99, 1.0)))


@pytest.mark.parametrize(
    ("used", "alone", "with_slo"),
    [
        (None, True, True),
        (GroupUse(0, 1, 40, 20, 0.07), True, True),
        (GroupUse(0, 1, 40, 9, 0.09), False, True),
        (GroupUse(0, 1, 40, 9, 1.0), False, True),
        (GroupUse(0, 1, 40, 20, 0.19), False, True),
        (GroupUse(0, 1, 40, 20, 0.21), False, False),
    ],
)
def test_a_quota_that_runs_out_is_too_small(used: GroupUse | None, alone: bool, with_slo: bool) -> None:
    assert (list(judge_quota(used, REFERENCE, None)) == []) is alone
    assert (list(judge_quota(used, REFERENCE, Slo(0.95, 0.1))) == []) is with_slo


def test_throttled_time_is_counted_on_each_cpu_that_the_server_works_on() -> None:
    used = GroupUse(0, 1, 40, 9, 0.12)
    assert list(judge_quota(used, REFERENCE, None)) != []
    assert list(judge_quota(used, dataclasses.replace(REFERENCE, parallel=2), None)) == []


def test_in_a_container_driver_and_profiler_are_throttled_too() -> None:
    used = GroupUse(0, 1, 40, 9, 0.12)
    assert list(judge_quota(used, dataclasses.replace(REFERENCE, alone=False), None)) == []


def test_what_ran_out_is_said_with_its_share_of_the_time() -> None:
    sentence = "its quota ran out in 50% of the periods, for 25.0% of the time"
    assert list(judge_quota(GroupUse(0, 1, 40, 20, 1.0), REFERENCE, None)) == [sentence]


def test_a_limit_is_judged_by_rate_latency_and_quota() -> None:
    exhausted = GroupUse(0, 1, 40, 20, 1.0)
    assert list(judge_limit(rate_level(), None, REFERENCE, None)) == []
    rate, latency, quota = judge_limit(rate_level(rate_rps=40.0, latency_s=0.5), exhausted, REFERENCE, None)
    assert ("40 requests/s of 50" in rate, "p95" in latency, "quota ran out" in quota) == (True, True, True)


def test_on_a_full_node_only_an_objective_judges_the_latency() -> None:
    slow, exhausted = rate_level(latency_s=0.5), GroupUse(0, 1, 40, 20, 1.0)
    assert list(judge_request(slow, exhausted, REFERENCE, None)) == []
    (missed,) = judge_request(slow, exhausted, REFERENCE, Slo(0.95, 0.1))
    assert "200 of 200 requests" in missed
    assert list(judge_request(rate_level(rate_rps=40.0), None, REFERENCE, None)) != []


def test_a_start_may_take_twice_as_long_or_as_its_cpu_time_takes() -> None:
    slow, fine = Startup(4.0, 0.8, MEMORY), Startup(2.5, 0.8, MEMORY)
    assert [failure.cause for failure in judge_start(slow, REFERENCE, 1.0)] == ["cpu"]
    assert list(judge_start(fine, REFERENCE, 1.0)) == []
    assert list(judge_start(slow, REFERENCE, 0.5)) == [], "0.8 s of CPU take 1.6 s at half a core"


def test_windows_are_pooled_and_never_their_percentiles() -> None:
    fast, slow = rate_level(latency_s=0.010), rate_level(latency_s=0.100, failures=1)
    pooled = pool_levels([fast, slow])
    assert pooled.answer.load.requests == 400
    assert pooled.unexpected_failures == 1
    assert pooled.seconds == 8.0
    assert pooled.result.requests_per_second == pytest.approx(399 / 8.0)
    assert pooled.latency.percentile_s(0.45) == pytest.approx(0.010, rel=0.01)
    assert pooled.latency.percentile_s(0.95) == pytest.approx(0.100, rel=0.01)
    assert pooled.windows == (fast, slow)
    assert pool_levels([pooled, fast]).windows == (fast, slow, fast)


def test_each_window_begins_with_an_empty_queue() -> None:
    """So the windows of one level say whether a queue grows, not the jumps between them."""
    assert not pool_levels([rate_level(), rate_level()]).queue_grows
    assert pool_levels([rate_level(), rate_level(overrun=True)]).queue_grows


def test_one_window_of_two_grows_by_chance_and_most_of_them_do_not() -> None:
    flat = rate_level()
    rising = dataclasses.replace(flat, answer=dataclasses.replace(flat.answer, in_flight=tuple(map(float, range(20)))))
    assert rising.queue_grows
    assert not pool_levels([rising, flat]).queue_grows
    assert pool_levels([rising, flat, rising]).queue_grows


def test_the_reference_is_of_the_windows_that_are_repeated() -> None:
    reference = reference_of([rate_level(latency_s=0.010), rate_level(latency_s=0.010)], STARTUP, 2)
    assert (reference.windows, reference.window_s, reference.seconds) == (2, 4.0, 8.0)
    assert reference.p95_s == pytest.approx(0.010, rel=0.01)
    assert reference.driver_cores == pytest.approx(0.04 / 8.0)
