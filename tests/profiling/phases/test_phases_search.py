"""Other numbers of workers: which are tried, which is cheapest, what the runner-up costs, and a real search."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer
from plimsoll.profiling.answer.decision import decide, memory_at
from plimsoll.profiling.answer.profile import build_profile
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.phases.candidate import Size
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.search import Offer, _runner_up, choose, worker_counts
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.run import profile
from support.made_up import MEMORY, findings, level, rate_level, row_cost, window
from support.profile_runs import Notes, options_for, unexplained, written

BURN = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end: pass
    return data
"""


def cpu(cores: float, carries_rps: float, replicas: int | None = None) -> CpuAnswer:
    return CpuAnswer(cores, cores, cores, "Because.", 0.7, carries_rps / 0.7, carries_rps, carries_rps, replicas)


def memory(size_bytes: int) -> MemoryAnswer:
    return MemoryAnswer(size_bytes, size_bytes, size_bytes, "Because.")


def size(workers: int) -> Size:
    return Size(
        4, Configuration(workers), Startup(1.0, 0.5, MEMORY), Capacity([level(window(workers, 150.0))]), rate_level()
    )


def test_the_cheapest_per_request_wins_without_a_target() -> None:
    one, two = (
        Offer(Configuration(1), None, cpu(1.0, 65.0), memory(10**9)),
        Offer(Configuration(2), size(2), cpu(2.0, 160.0), memory(16 * 10**8)),
    )
    assert choose([one, two]) is two
    second = _runner_up(two, [one, two])
    assert second is not None
    assert second.configuration == Configuration(1)
    assert second.price_ratio == pytest.approx((1.125 / 65) / (2.2 / 160))


def test_a_target_that_one_worker_carries_needs_no_second() -> None:
    one, two = (
        Offer(Configuration(1), None, cpu(1.0, 65.0, replicas=1), memory(10**9)),
        Offer(Configuration(2), size(2), cpu(1.0, 160.0, replicas=1), memory(16 * 10**8)),
    )
    assert choose([one, two]) is one


def test_a_little_cheaper_is_no_reason_to_change() -> None:
    one, two = (
        Offer(Configuration(1), None, cpu(1.0, 100.0), memory(10**9)),
        Offer(Configuration(2), size(2), cpu(2.0, 205.0), memory(2 * 10**9)),
    )
    assert choose([one, two]) is one
    assert _runner_up(one, [one]) is None


def test_workers_are_tried_up_to_the_cpus_and_the_memory() -> None:
    found = findings()
    assert list(worker_counts(found)) == [2, 4]
    found.options = dataclasses.replace(found.options, workers=2)
    assert list(worker_counts(found)) == [4]
    heavy = dataclasses.replace(MEMORY.total, private_bytes=5 << 30)
    found.startup = Startup(1.0, 0.5, TreeMemory(dataclasses.replace(heavy, peak_bytes=6 << 30), {"worker 0": heavy}))
    found.options = dataclasses.replace(found.options, workers=1)
    assert list(worker_counts(found)) == [2], "four times 5 GB do not fit into 16 GB"
    found.options = dataclasses.replace(found.options, max_memory_gb=8.0)
    assert list(worker_counts(found)) == []


def test_the_last_flag_counts() -> None:
    options = findings().options
    assert options.configured(None) is options.configured(Configuration(1)) is options
    more = options.configured(Configuration(4, 2, 8))
    assert (more.workers, more.slots, more.max_batch_size) == (4, 8, 8)
    assert more.server_arguments == ["--workers", "4", "--threads", "2", "--max-batch-size", "8"]


def test_the_chosen_number_is_the_recommendation() -> None:
    found = findings()
    found.startup, found.plan = Startup(1.0, 0.5, MEMORY), Plan(45.0, 1.0, True, False, search=True)
    found.capacity.levels = [level(window(1, 100.0))]
    found.census.rows = {0: row_cost(0, peak_bytes=1_000_000)}
    chosen = size(2)
    found.rates = [chosen.level, rate_level(30.0)]
    found.choose(chosen)
    decide(found)
    assert found.operating_level() is chosen.level is found.rates[-1]
    assert memory_at(found, chosen).base_bytes == MEMORY.total.peak_bytes
    result = build_profile(found, 1.0)
    assert result.recommendation.workers == 2
    assert result.recommendation.cpu is not None
    assert result.recommendation.cpu.request_cores == pytest.approx(1.5)


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
