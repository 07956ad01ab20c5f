"""Other numbers of workers: which are tried, which is cheapest, what the runner-up costs, and a real search."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.answer.decision import Offer, _runner_up, choose, decide, memory_of
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.phases.candidate import Candidate
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.search import Search, worker_counts
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.run import profile
from support.made_up import (
    MEMORY,
    STARTUP,
    census,
    cpu_of,
    findings,
    first_server,
    level,
    memory_of_size,
    operated,
    rate_level,
    row_cost,
    setup,
    window,
    written_of,
)
from support.profile_runs import Notes, options_for, unexplained, written

BURN = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end: pass
    return data
"""


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


def test_a_little_cheaper_is_no_reason_to_change() -> None:
    one, two = (
        Offer(Configuration(1), None, cpu_of(1.0, 100.0), memory_of_size(10**9)),
        Offer(Configuration(2), candidate(2), cpu_of(2.0, 205.0), memory_of_size(2 * 10**9)),
    )
    assert choose([one, two]) is one
    assert _runner_up(findings(), one, [one]) is None


def test_workers_are_tried_up_to_the_cpus_and_the_memory() -> None:
    assert list(worker_counts(setup(), first_server())) == [2, 4]
    assert list(worker_counts(setup(workers=2), first_server())) == [4]
    heavy = dataclasses.replace(MEMORY.total, private_bytes=5 << 30)
    memory = TreeMemory(dataclasses.replace(heavy, peak_bytes=6 << 30), {"worker 0": heavy})
    first = first_server(startup=Startup(1.0, 0.5, memory))
    assert list(worker_counts(setup(), first)) == [2], "four times 5 GB do not fit into 16 GB"
    assert list(worker_counts(setup(max_memory_gb=8.0), first)) == []


def test_the_last_flag_counts() -> None:
    options = setup().options
    assert options.configured(None) is options.configured(Configuration(1)) is options
    more = options.configured(Configuration(4, 2, 8))
    assert (more.workers, more.slots, more.max_batch_size) == (4, 8, 8)
    assert more.server_arguments == ["--workers", "4", "--threads", "2", "--max-batch-size", "8"]


def test_the_chosen_number_is_the_recommendation() -> None:
    one, two = rate_level(30.0), candidate(2)
    found = findings(
        startup=STARTUP,
        plan=Plan(45.0, 1.0, True, False, search=True),
        capacity=Capacity((level(window(1, 50.0)),)),
        census=census(row_cost(0, peak_bytes=1_000_000)),
        open_loop=operated(one),
        search=Search((two,), complete=True),
    )
    decision = decide(found)
    assert (decision.chosen, decision.operating) == (two, two.level)
    assert list(found.rate_levels(two)) == [one, two.level]
    assert list(found.rate_levels(None)) == [two.level, one]
    assert memory_of(found, two).base_bytes == MEMORY.total.peak_bytes
    result = written_of(found, decision)
    assert result.recommendation.workers == 2
    assert result.recommendation.cpu is not None
    assert result.recommendation.cpu.request_cores == pytest.approx(1.5)
    assert result.recommendation.runner_up is not None
    assert result.recommendation.runner_up.workers == 1


def test_a_search_that_broke_off_decides_nothing() -> None:
    found = findings(startup=STARTUP, capacity=Capacity((level(window(1, 50.0)),)), search=Search((candidate(2),)))
    assert decide(found).chosen is None


@pytest.mark.truth
@pytest.mark.calibration
def test_a_search_on_the_real_server(tmp_path: Path) -> None:
    options = options_for(tmp_path, BURN, [f"row {n}" for n in range(12)], budget_s=45.0, search_workers=True)
    result = profile(options, Notes())
    if result.host.usable_cores < 2:
        pytest.skip("one core only")
    second = result.recommendation.runner_up
    assert second is not None
    assert {second.workers, result.recommendation.workers} == {1, 2}
    assert "times the price" in second.reason
    assert unexplained(written(options)) == []
