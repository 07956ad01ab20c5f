"""How many cores pay: detection, the sizes tried, the choice, and latency objectives at each size."""

from __future__ import annotations

import dataclasses

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.memory import MemoryAnswer
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.answer.decision import decide
from plimsoll.profiling.answer.environment import environment
from plimsoll.profiling.answer.levels import cpu_levels
from plimsoll.profiling.phases.candidate import Size
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import _busy_threads
from plimsoll.profiling.phases.cpu_sweep import choose_size, is_elastic, pays_up_to, smaller_sizes
from plimsoll.profiling.phases.growth import Growth
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from support.made_up import MEMORY, findings, level, rate_level, row_cost, window


def size(cpus: int, rate_rps: float, latency_s: float = 0.02) -> Size:
    capacity = Capacity([level(window(1, rate_rps, cpu_s=0.9 * cpus / rate_rps))])
    return Size(cpus, Configuration(1), Startup(1.0, 0.5, MEMORY), capacity, rate_level(latency_s=latency_s))


@pytest.mark.parametrize(("cpus", "sizes"), [(1, []), (2, [1]), (3, [1, 2]), (4, [1, 2]), (9, [1, 2, 4, 8])])
def test_sizes_double(cpus: int, sizes: list[int]) -> None:
    assert list(smaller_sizes(cpus)) == sizes


@pytest.mark.parametrize(
    ("steps", "cpus"),
    [
        ([(1, 100.0), (2, 190.0), (4, 350.0)], 4),
        ([(1, 100.0), (2, 130.0), (4, 250.0)], 1),
        ([(1, 100.0), (2, 180.0), (4, 200.0)], 2),
        ([(1, 100.0), (2, 180.0), (3, 225.0)], 3),
        ([(1, 100.0), (2, 180.0), (3, 215.0)], 2),
    ],
)
def test_cores_are_added_while_they_pay(steps: list[tuple[int, float]], cpus: int) -> None:
    assert pays_up_to(steps) == cpus


def test_threads_that_share_the_work_make_a_model_elastic() -> None:
    found = findings()
    found.census.rows = {0: row_cost(0, latency_s=0.02)}
    assert not is_elastic(found)
    found.census.busy_threads = 2
    assert is_elastic(found)
    found.census.busy_threads = 1
    found.census.rows = {0: row_cost(0, latency_s=0.005)}
    assert is_elastic(found), "10 ms of CPU in 5 ms"


def test_busy_threads_are_counted_in_one_process() -> None:
    before = {(1, 1): {10: 1000, 11: 0}}
    after = {(1, 1): {10: 2000, 11: 900, 12: 50}, (2, 2): {20: 5}}
    assert _busy_threads(before, after) == 2
    assert _busy_threads({}, {}) == 0
    assert _busy_threads({(1, 1): {10: 5}}, {(1, 1): {10: 5}}) == 0


def test_the_chosen_size_is_the_recommendation() -> None:
    found = findings()
    found.startup = Startup(1.0, 0.5, MEMORY)
    found.plan = Plan(45.0, 1.0, True, False, elastic=True)
    found.capacity.levels = [level(window(1, 120.0, cpu_s=0.03))]
    found.sizes = [size(1, 100.0), size(2, 110.0)]
    found.chosen_size = choose_size(found)
    assert found.chosen_size is found.sizes[0]
    decide(found)
    assert found.cpu is not None
    assert found.cpu.request_cores <= 1.0
    levels = cpu_levels(found)
    assert [(entry.cpus, entry.chosen) for entry in levels] == [(1, True), (2, False), (4, False)]
    assert [round(entry.efficiency, 2) for entry in levels] == [1.0, 0.55, 0.3]
    assert environment(found)["OMP_NUM_THREADS"] == "1"


def test_the_smallest_size_that_keeps_the_objective() -> None:
    found = findings()
    found.options = dataclasses.replace(found.options, slo=Slo(0.95, 0.05))
    found.capacity.levels = [level(window(1, 400.0))]
    found.sizes = [size(1, 100.0, latency_s=0.08), size(2, 180.0, latency_s=0.04)]
    assert choose_size(found) is found.sizes[1]
    found.sizes = found.sizes[:1]
    assert choose_size(found) is None, "only the full size may keep it"


def test_memory_that_grows_asks_for_recycling() -> None:
    found = findings()
    found.memory = MemoryAnswer(500_000_000, 400_000_000, 200_000_000, "Because.")
    found.growth = Growth("growing", 10_000.0, (9_000.0, 11_000.0), 12, 1000)
    assert environment(found) == {"PLIMSOLL_MAX_REQUESTS": "10000"}
