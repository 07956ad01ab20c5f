"""Which configuration is chosen, and what rules one out."""

from __future__ import annotations

import dataclasses

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.answer.decision import Offer, _runner_up, choose, decide, differing_answers, holds, memory_of
from plimsoll.profiling.phases.candidate import Candidate, Candidates
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.plan import Plan
from support.made_up import (
    MEMORY,
    STARTUP,
    census,
    cpu_of,
    findings,
    level,
    memory_of_size,
    operated,
    rate_level,
    row_cost,
    window,
    written_of,
)


def offer(configuration: Configuration, cores: float) -> Offer:
    return Offer(configuration, None, cpu_of(cores), memory_of_size(0))


def made(differing: int = 0, failures: int = 0, overrun: bool = False) -> Candidate:
    loaded = window(1, 100.0)
    loaded = dataclasses.replace(loaded, answer=dataclasses.replace(loaded.answer, differing=differing))
    capacity = Capacity((dataclasses.replace(level(loaded), unexpected_failures=failures),))
    return Candidate(4, Configuration(1, 4), STARTUP, capacity, rate_level(overrun=overrun))


def test_threads_must_pay_more_than_workers_and_smaller_batches_nothing() -> None:
    one = offer(Configuration(1), 1.0)
    assert choose([one, offer(Configuration(1, 4), 0.92)]) is one
    assert choose([one, offer(Configuration(1, 4), 0.88)]).configuration == Configuration(1, 4)
    assert choose([one, offer(Configuration(2), 0.92)]).configuration == Configuration(2)
    assert choose([one, offer(Configuration(1, 1, 8), 1.02)]).configuration == Configuration(1, 1, 8)


def test_a_card_is_paid_for_whether_or_not_it_is_busy() -> None:
    one = Offer(Configuration(1), None, cpu_of(1.0), memory_of_size(0), 1)
    two = Offer(Configuration(2), None, cpu_of(2.0, carries_rps=126.0), memory_of_size(0), 1)
    assert choose([one, two]) is two, "10 cores for 126 requests/s are cheaper than 9 for 70"
    assert choose([dataclasses.replace(one, gpus=0), dataclasses.replace(two, gpus=0)]).configuration == Configuration(
        1
    )


def test_other_answers_under_threads_rule_them_out_and_are_said() -> None:
    assert differing_answers(made()) == ""
    assert "3 of 300 answers" in differing_answers(made(differing=3))
    found = findings(
        startup=STARTUP,
        capacity=Capacity((level(window(1, 100.0)),)),
        search=Candidates((made(differing=3),), complete=True),
    )
    decision = decide(found)
    assert decision.chosen is decision.runner_up is None
    assert "3 of 300 answers" in decision.warnings[0]


def test_what_fails_or_cannot_keep_its_rate_is_no_offer() -> None:
    assert holds(findings(), made())
    assert not holds(findings(), made(failures=1))
    assert not holds(findings(), made(overrun=True))


def candidate(workers: int) -> Candidate:
    capacity = Capacity((level(window(workers, 150.0)),))
    return Candidate(4, Configuration(workers), STARTUP, capacity, rate_level())


def test_the_cheapest_per_request_wins_without_a_target() -> None:
    one, two = (
        Offer(Configuration(1), None, cpu_of(1.0, 65.0), memory_of_size(10**9)),
        Offer(Configuration(2), candidate(2), cpu_of(2.0, 160.0), memory_of_size(16 * 10**8)),
    )
    assert choose([one, two]) is two
    second = _runner_up(findings(), two, [one, two])
    assert second is not None
    assert (second.workers, second.threads) == (1, 1)
    assert second.price_ratio == pytest.approx((1.125 / 65) / (2.2 / 160))


def test_a_target_that_one_worker_carries_needs_no_second() -> None:
    one, two = (
        Offer(Configuration(1), None, cpu_of(1.0, 65.0, replicas=1), memory_of_size(10**9)),
        Offer(Configuration(2), candidate(2), cpu_of(1.0, 160.0, replicas=1), memory_of_size(16 * 10**8)),
    )
    assert choose([one, two]) is one


def test_a_rate_that_one_worker_carries_takes_one_worker() -> None:
    """30 requests/s of 10 ms: two workers may be busier each, and so ask for less; the requests cost the same."""
    needs = {1: (0.45, 0.30 / 0.67), 2: (0.4, 0.30 / 0.82)}
    one, two = (
        Offer(
            Configuration(workers),
            candidate(workers) if workers > 1 else None,
            dataclasses.replace(cpu_of(cores, 65.0, replicas=1, need_cores=need_cores), demand_cores=0.30),
            memory_of_size(size_bytes),
        )
        for (workers, (cores, need_cores)), size_bytes in zip(needs.items(), (200_000_000, 220_000_000), strict=True)
    )
    assert choose([one, two]) is one
    assert choose([two, one]) is two, "what the user has set stays where the cost is the same"
    twice = dataclasses.replace(one, cpu=dataclasses.replace(one.cpu, replicas=2))
    assert choose([twice, two]) is two, "one worker cannot carry it alone"


def test_a_little_cheaper_is_no_reason_to_change() -> None:
    one, two = (
        Offer(Configuration(1), None, cpu_of(1.0, 100.0), memory_of_size(10**9)),
        Offer(Configuration(2), candidate(2), cpu_of(2.0, 205.0), memory_of_size(2 * 10**9)),
    )
    assert choose([one, two]) is one
    assert _runner_up(findings(), one, [one]) is None


def test_the_chosen_number_is_the_recommendation() -> None:
    one, two = rate_level(30.0), candidate(2)
    found = findings(
        startup=STARTUP,
        plan=Plan(45.0, 1.0, True, False, search=True),
        capacity=Capacity((level(window(1, 50.0)),)),
        census=census(row_cost(0, peak_bytes=1_000_000)),
        open_loop=operated(one),
        search=Candidates((two,), complete=True),
    )
    decision = decide(found)
    assert (decision.chosen, decision.operating) == (two, two.level)
    assert list(found.rate_levels(two.level)) == [one, two.level]
    assert list(found.rate_levels(None)) == [two.level, one]
    assert memory_of(found, two).base_bytes == MEMORY.total.peak_bytes
    result = written_of(found, decision)
    assert result.recommendation.workers == 2
    assert result.recommendation.cpu is not None
    assert result.recommendation.cpu.request_cores == pytest.approx(1.5)
    assert result.recommendation.runner_up is not None
    assert result.recommendation.runner_up.workers == 1


def test_a_search_that_broke_off_decides_nothing() -> None:
    found = findings(startup=STARTUP, capacity=Capacity((level(window(1, 50.0)),)), search=Candidates((candidate(2),)))
    assert decide(found).chosen is None
