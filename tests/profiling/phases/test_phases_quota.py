"""Sizes between whole CPUs: which are measured, what they decide, and a real server held by a real quota."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from plimsoll.host.groups import LimitsUnavailable, delegate
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.answer.levels import cpu_levels
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.placement import Placement
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.phases import quota
from plimsoll.profiling.phases.candidate import Size
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.cpu_sweep import choose_size
from plimsoll.profiling.phases.quota import neighbours, sweep_by_quota
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.run import prepare
from plimsoll.profiling.session import Session
from support.made_up import MEMORY, findings, level, rate_level, row_cost, window
from support.profile_runs import Notes, options_for

BURN = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.01
    while time.thread_time() < end: pass
    return data
"""


def size(cpus: float, rate_rps: float, latency_s: float = 0.02) -> Size:
    capacity = Capacity([level(window(1, rate_rps, cpu_s=0.9 * cpus / rate_rps))])
    method = "affinity" if cpus == int(cpus) else "quota"
    return Size(cpus, Configuration(1), Startup(1.0, 0.5, MEMORY), capacity, rate_level(latency_s=latency_s), method)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("full", "chosen", "wanted"),
    [
        (2, 1, [0.5, 1.5]), (2, None, [1.5]), (4, 1, [0.5, 1.5]), (4, 2, [1.5, 3.0]), (4, None, [3.0]),
        (8, 4, [3.0, 6.0]), (16, None, [12.0]), (1, None, [0.5]),
    ],
)  # fmt: skip
def test_both_sides_of_the_chosen_size(full: int, chosen: int | None, wanted: list[float]) -> None:
    found = findings()
    found.placement = Placement(tuple(range(full)), None)
    found.chosen_size = None if chosen is None else size(chosen, 100.0)
    assert list(neighbours(found)) == wanted


def swept(*sizes: Size, slo: Slo | None = None) -> Findings:
    found = findings()
    found.options = dataclasses.replace(found.options, slo=slo)
    found.startup = Startup(1.0, 0.5, MEMORY)
    found.capacity.levels = [level(window(1, 300.0))]
    found.sizes = list(sizes)
    return found


def test_whether_more_cpus_pay_is_not_theirs_to_say() -> None:
    found = swept(size(0.5, 50.0), size(1, 100.0), size(1.5, 101.0), size(2, 190.0))
    assert choose_size(found) is None, "up to four CPUs each doubling pays"


def test_an_objective_may_be_kept_by_less_than_a_cpu() -> None:
    found = swept(size(0.5, 50.0, 0.03), size(1, 100.0), slo=Slo(0.95, 0.05))
    assert choose_size(found) is found.sizes[0]


def test_the_result_says_by_what() -> None:
    found = swept(size(0.5, 50.0), size(1, 100.0))
    assert [(entry.cpus, entry.method) for entry in cpu_levels(found)] == [
        (0.5, "quota"),
        (1.0, "affinity"),
        (4.0, "affinity"),
    ]


def real(folder: Path, budget_s: float) -> Findings:
    found = prepare(options_for(folder, BURN, [f"row {number}" for number in range(12)], budget_s=budget_s))
    found.census.rows = {number: row_cost(number) for number in range(12)}
    found.loaded_rows = list(range(12))
    found.startup = Startup(1.0, 0.5, MEMORY)
    found.plan = Plan(budget_s, 1.0, False, False, elastic=True)
    found.capacity.levels = [level(window(2, 120.0))]
    found.chosen_size = size(1, 95.0)
    found.sizes = [found.chosen_size]
    return found


def test_a_real_server_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with delegate():
            pass
    except LimitsUnavailable as reason:
        pytest.skip(f"no limits here: {reason}")
    monkeypatch.setattr(quota, "_SHORTEST_LOAD_S", 2.0)
    found, notes = real(tmp_path, 60.0), Notes()
    with DriverClient(tmp_path / "driver.log", None) as driver:
        sweep_by_quota(Session(found, notes, driver, Stopwatch(60.0)))
    half = found.sizes[0]
    assert (half.cpus, half.method) == (0.5, "quota")
    # Beside others it gets less, never more.
    assert [one.cores_mean for one in half.capacity.levels if one.cores_mean > 0.58] == []
    assert half.capacity.best_rps() < 55, "95 without"
    assert found.rates == [found.sizes[1].level], "the chosen one's"
    assert "0.5 CPU by quota: start" in notes.phases
    assert not list(Path("/sys/fs/cgroup").glob("**/plimsoll-*-quota"))


def test_without_time_there_are_none(tmp_path: Path) -> None:
    found = real(tmp_path, 45.0)
    sweep_by_quota(Session(found, Notes(), None, Stopwatch(45.0)))  # type: ignore[arg-type]
    assert [one.cpus for one in found.sizes] == [1]
    found = real(tmp_path, 600.0)
    sweep_by_quota(Session(found, Notes(), None, Stopwatch(0.0)))  # type: ignore[arg-type]
    assert [one.cpus for one in found.sizes] == [1]
