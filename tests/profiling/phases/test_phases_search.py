"""Which other configurations are tried, and searches on the real server."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from plimsoll.profiling.advice.batching import BatchUse
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.measure.command import server_arguments
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.phases.candidate import FirstServer
from plimsoll.profiling.phases.capacity import Capacity, Level
from plimsoll.profiling.phases.search import configurations_to_try, thread_count, worker_counts
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.run import profile
from support.made_up import (
    MEMORY,
    census,
    first_server,
    level,
    row_cost,
    setup,
    window,
)
from support.patience import best_of_three, folders_below
from support.profile_runs import Notes, options_for, unexplained, written

# Seconds for a batch of one call and for one of eight.
PAY = ((0.011, 0.018), (0.010, 0.080))
ROWS = [f"row {number}" for number in range(12)]
BURN = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end: pass
    return data
"""
WAITS = """
import time
def init(): pass
def run(data):
    time.sleep(0.02)
    return data
"""
UNSAFE = """
import time
def init(): pass
def run(data):
    global mine
    mine = data
    time.sleep(0.02)
    return mine
"""
BATCHES = """
import time
from plimsoll.entry import batch
def init(): pass
@batch(max_size=64)
def run(data):
    time.sleep(0.020 + 0.002 * len(data))
    return data
"""


def shown(cpu_s: float = 0.01, latency_s: float = 0.01, *levels: Level) -> FirstServer:
    """A census whose rows take so much, and these levels of load."""
    cost = dataclasses.replace(row_cost(0, latency_s=latency_s), cpu_s=cpu_s)
    return first_server(census=census(cost), capacity=Capacity(levels or (level(window(1, 100.0)),)))


def batched(size: float, run_s: float) -> Level:
    return dataclasses.replace(level(window(1, 100.0)), batches=BatchUse(64, 100, 100 * size, 100, 100 * run_s))


def tries(first: FirstServer, **options: Any) -> list[Configuration]:
    """On four CPUs."""
    return list(configurations_to_try(setup(**options), first))


def test_what_the_user_has_set_stays() -> None:
    assert tries(shown()) == []
    assert tries(shown(), search_workers=True) == [Configuration(2), Configuration(4)]
    assert tries(shown(), search_threads=True) == [Configuration(1, 4)]


def test_what_waits_gets_threads_first_and_what_computes_workers() -> None:
    two, four = Configuration(2), Configuration(4)
    both: dict[str, Any] = {"search_workers": True, "search_threads": True}
    assert tries(shown(), **both) == [two, four, Configuration(1, 4)]
    assert tries(shown(cpu_s=0.002), **both) == [Configuration(1, 20), two, four]
    assert thread_count(setup(), shown(cpu_s=0.00001)) == 32


def test_answers_that_vary_by_themselves_say_nothing_about_threads() -> None:
    varying = window(1, 100.0)
    varying = dataclasses.replace(varying, answer=dataclasses.replace(varying.answer, differing=1))
    assert tries(shown(0.01, 0.01, level(varying)), search_threads=True) == []


def test_a_smaller_batch_is_tried_where_a_bigger_one_brings_nothing() -> None:
    both: dict[str, Any] = {"search_batches": True, "search_threads": True}
    pays, brings_nothing = (shown(0.01, 0.01, batched(1, one_s), batched(8, eight_s)) for one_s, eight_s in PAY)
    assert tries(pays, **both) == [], "64 calls pay, and batches have no use for threads"
    assert tries(brings_nothing, **both) == [Configuration(1, 1, 1)]
    assert tries(brings_nothing, **both, slo=Slo(0.95, 0.2)) == [Configuration(1, 1, 10)]
    assert tries(brings_nothing, search_threads=True, slo=Slo(0.95, 0.2)) == []


def test_who_carries_the_target_rate_needs_no_more_of_anything() -> None:
    """The server of 10 ms a request answers 100 a second at most."""
    both: dict[str, Any] = {"search_workers": True, "search_threads": True}
    assert tries(shown(), **both, target_rps=30.0) == []
    assert tries(shown(), **both, target_rps=300.0) == tries(shown(), **both)
    brings_nothing = shown(0.01, 0.01, batched(1, 0.01), batched(8, 0.08))
    assert tries(brings_nothing, search_batches=True, target_rps=30.0) == [Configuration(1, 1, 1)]


@pytest.mark.parametrize(("rate_rps", "more"), [(310.0, True), (330.0, False)])
def test_who_keeps_the_cpus_busy_gets_no_more_processes(rate_rps: float, more: bool) -> None:
    """Each request takes 10 ms of one of four CPUs, and the driver a fiftieth of one: at 318/s four fifths are busy."""
    busy = shown(0.01, 0.01, level(window(4, rate_rps)))
    assert bool(tries(busy, search_workers=True, search_threads=True)) is more


def test_how_a_configuration_is_called() -> None:
    assert str(Configuration(1)) == "1 worker"
    assert str(Configuration(2, 4)) == "2 workers, 4 threads each"
    assert str(Configuration(1, 4)) == "1 worker, 4 threads"
    assert str(Configuration(1, 1, 8)) == "1 worker, batches of at most 8"


def test_tries_fit_into_their_time() -> None:
    quick, default = Plan(45.0, 1.0, True, False, search=True), Plan(180.0, 1.0, True, False, search=True)
    assert (quick.tries(6.0), default.tries(6.0)) == (1, 4)
    for plan in (quick, default):
        count = plan.tries(6.0)
        assert plan.try_s(count) >= 6.0
        assert count * (plan.try_s(count) + 1.0) == pytest.approx(plan.search_s + 1.0)


@pytest.mark.truth
def test_a_model_that_waits_is_given_threads(tmp_path: Path) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        folder = next(folders)
        options = options_for(folder, WAITS, ROWS, budget_s=20.0, search_workers=True, search_threads=True)
        advice = profile(options, Notes()).recommendation
        assert (advice.workers, advice.max_batch_size) == (1, None)
        assert advice.threads >= 8
        assert advice.max_requests_per_second is not None
        assert advice.max_requests_per_second > 5 * 50, "one thread answers 50 a second"
        assert advice.runner_up is not None
        assert advice.runner_up.threads == 1
        assert advice.runner_up.price_ratio > 2
        assert unexplained(written(options)) == []

    best_of_three(measure)


@pytest.mark.truth
def test_a_script_that_is_not_safe_for_threads_is_found_out(tmp_path: Path) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        folder = next(folders)
        options = options_for(folder, UNSAFE, ROWS, budget_s=20.0, search_threads=True)
        result = profile(options, Notes())
        assert result.recommendation.threads == 1
        assert any("not safe for threads" in warning for warning in result.warnings)

    best_of_three(measure)


@pytest.mark.truth
def test_batches_are_measured_and_the_objective_bounds_them(tmp_path: Path) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        folder = next(folders)
        options = options_for(folder, BATCHES, ROWS, budget_s=30.0, search_batches=True, slo=Slo(0.9, 0.15))
        result = profile(options, Notes())
        fit = result.measurements.batch_fit
        assert fit is not None
        assert fit.seconds_per_call == pytest.approx(0.002, rel=0.15)
        assert fit.seconds_per_batch == pytest.approx(0.020, rel=0.15)
        assert fit.largest_size == 64
        assert 20 <= fit.best_size <= 30, "27.5 calls take half the objective"
        sizes = [one.batch_size for one in result.measurements.batch_levels]
        assert sizes[0] == 1
        assert sizes == sorted(sizes)
        assert result.recommendation.max_batch_size in {fit.best_size, 64}
        assert unexplained(written(options)) == []

    best_of_three(measure)


def test_workers_are_tried_up_to_the_cpus_and_the_memory() -> None:
    assert list(worker_counts(setup(), first_server())) == [2, 4]
    assert list(worker_counts(setup(workers=2), first_server())) == [1, 4]
    heavy = dataclasses.replace(MEMORY.total, private_bytes=5 << 30)
    memory = TreeMemory(dataclasses.replace(heavy, peak_bytes=6 << 30), {"worker 0": heavy})
    first = first_server(startup=Startup(1.0, 0.5, memory))
    assert list(worker_counts(setup(), first)) == [2], "four times 5 GB do not fit into 16 GB"
    assert list(worker_counts(setup(max_memory_gb=8.0), first)) == []


def test_the_configuration_that_is_tried_is_the_last_one_given() -> None:
    options = setup().options
    assert options.configured(None) is options.configured(Configuration(1)) is options
    more = options.configured(Configuration(4, 2, 8))
    assert (more.workers, more.slots, more.max_batch_size) == (4, 8, 8)
    tried = ["--workers", "4", "--threads", "2", "--max-batch-size", "8", "--scoring-timeout-ms", "1500"]
    assert server_arguments(more, 1.5) == tried
    assert server_arguments(options, 1.5) == ["--workers", "1", "--threads", "1", "--scoring-timeout-ms", "1500"]


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
