"""The measured part: memory of all readings, costs of rows, warm-up, and who used how much."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from plimsoll.host.memory import GroupMemory, ProcessMemory
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.answer.decision import decide
from plimsoll.profiling.answer.measurements import (
    build_measurements,
    build_processes,
    cpu_levels,
    memories,
    with_time_to_limit,
)
from plimsoll.profiling.findings import Findings, Surroundings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.measure.meter import FRONT, TreeMemory
from plimsoll.profiling.phases.candidate import Candidate, Candidates
from plimsoll.profiling.phases.capacity import Capacity, Level
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.phases.warmup import judge_warmup
from plimsoll.profiling.result.growth import GrowthResult
from plimsoll.profiling.result.measurements import Measurements
from support.made_up import (
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
)

# An example takes a tenth of a second: hundreds of them, only to find a smaller one, would take minutes.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)

MB = 1_000_000


def group(held_mb: int, peak_mb: int, private_mb: int = 0, swap_mb: int = 0) -> GroupMemory:
    return GroupMemory(
        held_mb * MB, held_mb * MB, private_mb * MB, peak_mb * MB, (peak_mb + 5) * MB, swap_mb * MB, 2 * MB
    )


def tree(held_mb: int, peak_mb: int, *workers_mb: int, swap_mb: int = 0) -> TreeMemory:
    """Workers with so much of their own; the front has 7 MB."""
    roles = {FRONT: group(20, 25, 7)} | {
        f"worker {number}": group(private_mb + 10, private_mb + 15, private_mb)
        for number, private_mb in enumerate(workers_mb)
    }
    return TreeMemory(group(held_mb, peak_mb, 7 + sum(workers_mb), swap_mb), roles)


def with_memory(one: Level, memory: TreeMemory) -> Level:
    return dataclasses.replace(one, memory=memory)


def built(found: Findings) -> Measurements:
    return build_measurements(found, decide(found), GpuVerdict([], None))


def loaded(**more: Any) -> Findings:
    """Started at 60 MB with a peak of 200, then levels of 1, 2 and 4 connections that each add 10 MB."""
    levels = tuple(
        with_memory(level(window(connections, 100.0)), tree(70 + 10 * connections, 100 + 10 * connections, 30, 50))
        for connections in (1, 2, 4)
    )
    found: dict[str, Any] = {"startup": Startup(1.0, 0.5, tree(60, 200, 30)), "capacity": Capacity(levels)} | more
    return findings(**found)


def test_memory_is_the_most_of_all_readings() -> None:
    memory = built(loaded()).memory
    assert memory.peak_bytes == 200 * MB, "while the model was loaded"
    assert memory.pss_bytes == 110 * MB
    assert memory.high_water_sum_bytes == 205 * MB
    assert memory.swap_bytes == 0
    assert memory.shared_memory_files_bytes == 2 * MB


def test_workers_take_what_is_shared_once_and_their_own_each() -> None:
    """Of the last reading: 110 MB, of which two workers have 30 and 50 for themselves."""
    memory = built(loaded()).memory
    assert memory.per_worker_private_bytes == 40 * MB
    assert memory.shared_bytes == (110 - 80) * MB
    assert memory.shared_bytes + 2 * memory.per_worker_private_bytes == 110 * MB


def test_each_request_in_flight_takes_its_part() -> None:
    """Peaks of 110, 120 and 140 MB with 1, 2 and 4 of them."""
    assert built(loaded()).memory.per_in_flight_bytes == 10 * MB
    two = loaded()
    two = dataclasses.replace(two, capacity=Capacity(two.capacity.levels[:2]))
    assert built(two).memory.per_in_flight_bytes is None, "two points make any line"
    falling = [with_memory(one, tree(80, 300 - 10 * one.connections, 30)) for one in loaded().capacity.levels]
    assert built(loaded(capacity=Capacity(tuple(falling)))).memory.per_in_flight_bytes == 0


def test_swap_of_any_moment_shows() -> None:
    swapped = loaded(census=census(row_cost(0), memory=tree(90, 95, 30, swap_mb=3)))
    assert built(swapped).memory.swap_bytes == 3 * MB


def test_readings_stand_in_the_order_in_which_they_were_taken() -> None:
    found = loaded(census=census(row_cost(0), memory=tree(65, 66, 30)), open_loop=operated(rate_level()))
    held = [reading.total.held_bytes // MB for reading in memories(found, decide(found))]
    assert held == [60, 65, 80, 90, 110, 50]


def test_what_the_kernel_hides_is_nothing_at_all() -> None:
    found = loaded(surroundings=Surroundings(memory_unknown="the kernel does not tell"))
    assert set(built(found).memory.model_dump().values()) == {None}


def test_the_start_and_the_first_request() -> None:
    made = built(loaded(census=census(row_cost(0), first_request=row_cost(0, latency_s=0.25)))).startup
    assert (made.seconds_to_ready, made.cpu_seconds, made.first_request_seconds) == (1.0, 0.5, 0.25)
    assert (made.peak_memory_bytes, made.ready_memory_bytes, made.warmup) == (200 * MB, 60 * MB, None)
    assert set(built(findings()).startup.model_dump().values()) == {None}


@pytest.mark.parametrize(
    ("rates", "steady", "spread"),
    [
        ((100.0, 100.0, 100.0), True, 1.0),
        ((50.0, 100.0, 100.0, 105.0), True, 1.05),
        ((100.0, 100.0, 150.0), False, 1.5),
        ((150.0, 125.0, 100.0), False, 1.5),
        ((100.0, 150.0, 125.0), True, 1.5),
        ((100.0,), False, 1.0),
        ((100.0, 0.0, 100.0), False, None),
    ],
)
def test_a_warm_up_is_judged_by_its_last_three_windows(
    rates: tuple[float, ...], steady: bool, spread: float | None
) -> None:
    windows = tuple(window(1, rate) if rate else nothing() for rate in rates)
    made = built(loaded(warmup=judge_warmup(windows))).startup.warmup
    assert made is not None
    assert (made.steady, made.windows) == (steady, len(rates))
    assert made.spread == (spread if spread is None else pytest.approx(spread, rel=0.002))
    assert made.requests == sum(rates)
    assert made.seconds == len(rates)


def nothing() -> Any:
    """A window in which nobody was answered."""
    made = window(1, 100.0)
    return dataclasses.replace(
        made, answer=dataclasses.replace(made.answer, requests=0, successes=0, throughput_rps=0.0)
    )


def test_cpu_of_a_request_is_that_of_the_knee_and_its_bound_that_of_all_that_are_saturated() -> None:
    levels = (
        level(window(1, 50.0, cpu_s=0.5)),
        level(window(2, 100.0, cpu_s=0.010), window(2, 100.0, cpu_s=0.012)),
        level(window(4, 99.0, cpu_s=0.011)),
    )
    costs = census(*(dataclasses.replace(row_cost(place), cpu_s=0.001 * (place + 1)) for place in range(20)))
    made = built(loaded(capacity=Capacity(levels), census=costs)).request.cpu_seconds
    assert made.mean == pytest.approx(0.011)
    assert made.upper_bound is not None
    # 0.011 ± 0.001, three windows: 6.965 · 0.001 / √3 above the mean.
    assert made.upper_bound == pytest.approx(0.011 + 6.965 * 0.001 / 3**0.5, rel=1e-4)
    assert (made.p50, made.p95, made.max) == pytest.approx((0.010, 0.019, 0.020))


def test_latency_of_one_request_is_that_of_one_connection() -> None:
    levels = (level(window(1, 400.0)), level(window(8, 800.0)))
    made = built(loaded(capacity=Capacity(levels))).request.latency_seconds
    assert made.p50 == pytest.approx(1 / 400, rel=0.002)
    assert made.p99 == pytest.approx(1 / 400, rel=0.002)
    assert set(built(loaded(capacity=Capacity(levels[1:]))).request.latency_seconds.model_dump().values()) == {None}


@settings(deadline=None, max_examples=6, phases=WITHOUT_SHRINKING)
@given(st.lists(st.tuples(st.floats(0, 1), st.none() | st.integers(0, 10**9)), max_size=20))
def test_the_heaviest_are_those_of_cpu_and_the_one_of_memory(costs: list[tuple[float, int | None]]) -> None:
    rows = [
        dataclasses.replace(row_cost(place, peak_bytes=peak_bytes), cpu_s=cpu_s)
        for place, (cpu_s, peak_bytes) in enumerate(costs)
    ]
    found = loaded(census=census(*rows))
    made = built(found).rows.heaviest
    assert len(made) == min(5, len(rows))
    most = max((peak or 0 for _, peak in costs), default=0)
    if most:
        assert most in {row.peak_memory_bytes for row in made}
    by_cpu = sorted((cpu_s for cpu_s, _ in costs), reverse=True)
    assert [row.cpu_seconds for row in made][: max(0, len(made) - 1)] == by_cpu[: max(0, len(made) - 1)]
    assert len({row.row for row in made}) == len(made)


def test_rows_that_failed_are_named_with_what_came_of_them_under_load() -> None:
    rows = [row_cost(0), row_cost(3, "500"), row_cost(2, "timeout")]
    levels = (level(window(1, 100.0, failures={3: 7})), level(window(2, 100.0, failures={3: 5, 1: 1})))
    made = built(loaded(census=census(*rows), capacity=Capacity(levels))).rows
    assert [(row.row, row.outcome, row.failures_under_load) for row in made.failed] == [
        (3, "timeout", 0),
        (4, "500", 12),
    ]
    assert (made.count, made.distinct, made.measured) == (20, 20, 3)


def test_outcomes_of_all_windows_are_added() -> None:
    made = built(loaded(capacity=Capacity((level(window(1, 100.0, failures={0: 10}), window(1, 50.0)),))))
    (only,) = made.concurrency_levels
    assert (only.outcomes, only.requests, only.successes, only.seconds) == ({"200": 140, "500": 10}, 150, 140, 2.0)
    assert only.whole_passes


def test_who_used_what_adds_up() -> None:
    levels = (level(window(1, 100.0)), level(window(4, 200.0, driver_cpu_s=0.06)))
    levels = tuple(with_memory(one, tree(100, 120, 30, 50)) for one in levels)  # type: ignore[assignment]
    driver = ProcessMemory(9 * MB, 8 * MB, 6 * MB, 0, 11 * MB, 0, 0, {})
    made = build_processes(loaded(capacity=Capacity(levels), surroundings=Surroundings(driver_memory=driver)))
    assert made.front.cpu_seconds == pytest.approx(0.3)
    assert [worker.cpu_seconds for worker in made.workers] == [pytest.approx(2.7), 0]
    assert made.front.cpu_seconds_per_request == pytest.approx(0.001)
    assert made.workers[0].cpu_seconds_per_request == pytest.approx(0.009)
    assert [worker.memory.private_bytes // MB for worker in made.workers if worker.memory] == [30, 50]
    assert [worker.memory.peak_bytes // MB for worker in made.workers if worker.memory] == [50, 70], "high-water marks"
    assert made.driver.cpu_seconds == pytest.approx(0.08)
    assert made.driver.cpu_seconds_per_request == pytest.approx(0.06 / 200)
    assert made.driver.memory is not None
    assert (made.driver.memory.pss_bytes, made.driver.memory.peak_bytes) == (8 * MB, 11 * MB)


def test_ten_workers_stand_in_the_order_of_their_numbers() -> None:
    memory = tree(500, 600, *range(1, 12))
    found = findings(startup=STARTUP, capacity=Capacity((with_memory(level(window()), memory),)))
    sizes = [worker.memory.private_bytes // MB for worker in build_processes(found).workers if worker.memory]
    assert sizes == list(range(1, 12))


def candidate(cpus: float, rate_rps: float, method: Any = "affinity") -> Candidate:
    capacity = Capacity((level(window(1, rate_rps / 2)), level(window(2, rate_rps))))
    return Candidate(cpus, Configuration(1), STARTUP, capacity, rate_level(), method)


def test_sizes_are_written_from_small_to_large_with_what_a_cpu_brings() -> None:
    """100 on one, 180 on two, 300 on all four: of what the first CPU brought, 90 % and 75 % remain."""
    found = findings(
        startup=STARTUP,
        capacity=Capacity((level(window(4, 300.0)),)),
        sweep=Candidates((candidate(2, 180.0), candidate(1, 100.0))),
        quota=Candidates((candidate(1.5, 150.0, "quota"),)),
    )
    written = cpu_levels(found, None)
    assert [(one.cpus, one.method, one.connections) for one in written] == [
        (1, "affinity", 2), (1.5, "quota", 2), (2, "affinity", 2), (4, "affinity", 4),
    ]  # fmt: skip
    assert [one.requests_per_second for one in written] == pytest.approx([100.0, 150.0, 180.0, 300.0])
    assert [one.cores_used.mean for one in written] == pytest.approx([1.0, 1.5, 1.8, 3.0])
    assert [one.latency_seconds.p50 for one in written] == pytest.approx([0.02, 2 / 150, 2 / 180, 4 / 300], rel=0.001)
    assert [one.efficiency for one in written] == pytest.approx([1.0, 1.0, 0.9, 0.75])
    assert [one.chosen for one in written] == [False, False, False, True]
    assert [one.chosen for one in cpu_levels(found, candidate(2, 180.0))] == [False, False, True, False]
    assert cpu_levels(findings(startup=STARTUP, capacity=found.capacity), None) == []


LEAKING = Recommended(
    Configuration(1), cpu_of(1.0, carries_rps=50.0), memory_of_size(10**9, base_bytes=6 * 10**8), leak_bytes=2_000.0
)


def test_what_grows_reaches_the_limit_some_day() -> None:
    grown = GrowthResult(verdict="growing", bytes_per_1000_requests=2_000_000.0, readings=12, requests=4_000)
    written = with_time_to_limit(grown, LEAKING)
    assert written.seconds_to_limit == pytest.approx(4e8 / (2_000 * 50)), "400 MB of room at 100 kB a second"
    assert written.model_copy(update={"seconds_to_limit": None}) == grown, "and the rest is as it was measured"


@pytest.mark.parametrize("missing", ["cpu", "memory", "leak_bytes"])
def test_without_room_rate_or_leak_there_is_no_time_to_the_limit(missing: str) -> None:
    nothing: dict[str, Any] = {missing: None}
    assert with_time_to_limit(GrowthResult(), dataclasses.replace(LEAKING, **nothing)) == GrowthResult()
