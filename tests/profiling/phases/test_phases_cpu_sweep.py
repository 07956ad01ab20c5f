"""How many cores pay: detection, the sizes tried, the choice, and latency objectives at each size."""

from __future__ import annotations

import dataclasses

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.answer.decision import decide
from plimsoll.profiling.answer.measurements import cpu_levels
from plimsoll.profiling.phases.candidate import Candidate, Candidates
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import _busy_threads
from plimsoll.profiling.phases.cpu_sweep import choose_cpus, doubling, is_elastic, pays_up_to
from plimsoll.profiling.plan import Plan
from support.made_up import STARTUP, census, findings, level, memory_of_size, rate_level, row_cost, window


def candidate(cpus: int, rate_rps: float, latency_s: float = 0.02) -> Candidate:
    capacity = Capacity((level(window(1, rate_rps, cpu_s=0.9 * cpus / rate_rps)),))
    return Candidate(cpus, Configuration(1), STARTUP, capacity, rate_level(latency_s=latency_s))


@pytest.mark.parametrize(("cpus", "counts"), [(1, []), (2, [1]), (3, [1, 2]), (4, [1, 2]), (9, [1, 2, 4, 8])])
def test_the_number_of_cpus_doubles(cpus: int, counts: list[int]) -> None:
    assert list(doubling(cpus)) == counts


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
    slow = census(row_cost(0, latency_s=0.02))
    assert not is_elastic(slow, threads=1)
    assert is_elastic(dataclasses.replace(slow, busy_threads=2), threads=1)
    assert not is_elastic(dataclasses.replace(slow, busy_threads=2), threads=2)
    assert is_elastic(census(row_cost(0, latency_s=0.005), busy_threads=1), threads=1), "10 ms of CPU in 5 ms"


def test_busy_threads_are_counted_in_one_process() -> None:
    before = {(1, 1): {10: 1000, 11: 0}}
    after = {(1, 1): {10: 2000, 11: 900, 12: 50}, (2, 2): {20: 5}}
    assert _busy_threads(before, after) == 2
    assert _busy_threads({}, {}) == 0
    assert _busy_threads({(1, 1): {10: 5}}, {(1, 1): {10: 5}}) == 0


def test_the_chosen_number_of_cpus_is_the_recommendation() -> None:
    candidates = (candidate(1, 100.0), candidate(2, 110.0))
    found = findings(
        startup=STARTUP,
        plan=Plan(45.0, 1.0, True, False, elastic=True),
        capacity=Capacity((level(window(1, 120.0, cpu_s=0.03)),)),
        sweep=Candidates(candidates, complete=True),
    )
    decision = decide(found)
    assert decision.chosen is candidates[0]
    assert decision.recommended.cpu is not None
    assert decision.recommended.cpu.cores.request_cores <= 1.0
    levels = cpu_levels(found, decision.chosen)
    assert [(entry.cpus, entry.chosen) for entry in levels] == [(1, True), (2, False), (4, False)]
    assert [round(entry.efficiency, 2) for entry in levels] == [1.0, 0.55, 0.3]
    assert decision.recommended.environment()["OMP_NUM_THREADS"] == "1"


def test_a_sweep_that_broke_off_decides_nothing() -> None:
    found = findings(capacity=Capacity((level(window(1, 120.0)),)), sweep=Candidates((candidate(1, 100.0),)))
    assert decide(found).chosen is None


def test_the_fewest_cpus_that_keep_the_objective() -> None:
    slo, capacity = Slo(0.95, 0.05), Capacity((level(window(1, 400.0)),))
    slow, fast = candidate(1, 100.0, latency_s=0.08), candidate(2, 180.0, latency_s=0.04)
    assert choose_cpus([fast, slow], capacity, 4, slo) is fast
    assert choose_cpus([slow], capacity, 4, slo) is None, "only all of them may keep it"


def test_memory_that_grows_asks_for_recycling() -> None:
    memory = memory_of_size(500_000_000, 400_000_000, 200_000_000)
    recommended = Recommended(Configuration(1), memory=memory, leak_bytes=10_000.0)
    assert recommended.environment() == {"PLIMSOLL_MAX_REQUESTS": "10000"}
