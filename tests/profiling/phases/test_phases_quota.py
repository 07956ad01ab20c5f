"""Sizes between whole CPUs: which are measured, what they decide, and a real server held by a real quota."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll.host.cgroups.groups import LimitsUnavailable, delegate
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.answer.measurements import cpu_levels
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.server import Load, Stopwatch
from plimsoll.profiling.phases import cpu_sweep
from plimsoll.profiling.phases.candidate import Candidate, Candidates, FirstServer
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.cpu_sweep import choose_cpus, neighbours, sweep_by_quota
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.session import Session, Setup, prepare
from support.made_up import STARTUP, census, findings, first_server, level, rate_level, row_cost, window
from support.profile_runs import Notes, options_for

BURN = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.01
    while time.thread_time() < end: pass
    return data
"""


def candidate(cpus: float, rate_rps: float, latency_s: float = 0.02) -> Candidate:
    capacity = Capacity((level(window(1, rate_rps, cpu_s=0.9 * cpus / rate_rps)),))
    method: Any = "affinity" if cpus == int(cpus) else "quota"
    return Candidate(cpus, Configuration(1), STARTUP, capacity, rate_level(latency_s=latency_s), method)


@pytest.mark.parametrize(
    ("full", "chosen", "wanted"),
    [
        (2, 1, [0.5, 1.5]), (2, None, [1.5]), (4, 1, [0.5, 1.5]), (4, 2, [1.5, 3.0]), (4, None, [3.0]),
        (8, 4, [3.0, 6.0]), (16, None, [12.0]), (1, None, [0.5]),
    ],
)  # fmt: skip
def test_both_sides_of_the_chosen_number(full: int, chosen: int | None, wanted: list[float]) -> None:
    assert list(neighbours(full, chosen or full)) == wanted


def test_whether_more_cpus_pay_is_not_theirs_to_say() -> None:
    swept = [candidate(0.5, 50.0), candidate(1, 100.0), candidate(1.5, 101.0), candidate(2, 190.0)]
    capacity = Capacity((level(window(1, 300.0)),))
    assert choose_cpus(swept, capacity, 4, None) is None, "up to four CPUs each doubling pays"


def test_an_objective_may_be_kept_by_less_than_a_cpu() -> None:
    half, one = candidate(0.5, 50.0, 0.03), candidate(1, 100.0)
    assert choose_cpus([one, half], Capacity(), 4, Slo(0.95, 0.05)) is half


def test_the_result_says_by_what() -> None:
    found = findings(
        startup=STARTUP,
        capacity=Capacity((level(window(1, 300.0)),)),
        sweep=Candidates((candidate(1, 100.0),)),
        quota=Candidates((candidate(0.5, 50.0),)),
    )
    assert [(entry.cpus, entry.method) for entry in cpu_levels(found, None)] == [
        (0.5, "quota"),
        (1.0, "affinity"),
        (4.0, "affinity"),
    ]


SWEPT = Candidates((candidate(1, 95.0),), complete=True)


def real(folder: Path, budget_s: float) -> tuple[Setup, FirstServer]:
    setup = prepare(options_for(folder, BURN, [f"row {number}" for number in range(12)], budget_s=budget_s))
    first = first_server(
        Plan(budget_s, 1.0, False, False, elastic=True),
        census=census(*(row_cost(number) for number in range(12))),
        load=Load(range(12)),
        # A second CPU brings less than it must.
        capacity=Capacity((level(window(2, 120.0)),)),
    )
    return setup, first


def test_a_real_server_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with delegate():
            pass
    except LimitsUnavailable as reason:
        pytest.skip(f"no limits here: {reason}")
    monkeypatch.setattr(cpu_sweep, "_SHORTEST_LOAD_S", 2.0)
    (setup, first), notes = real(tmp_path, 60.0), Notes()
    with DriverClient(tmp_path / "driver.log", None) as driver:
        *_, found = sweep_by_quota(Session(setup, notes, driver, Stopwatch(60.0)), first, SWEPT)
    half = found.candidates[0]
    assert found.complete
    assert (half.cpus, half.method) == (0.5, "quota")
    # Beside others it gets less, never more.
    assert max(one.result.cores_used.mean for one in half.capacity.levels) <= 0.58
    assert half.capacity.best_rps() < 55, "95 without"
    assert "0.5 CPU by quota: start" in notes.phases
    assert not list(Path("/sys/fs/cgroup").glob("**/plimsoll-*-quota"))


def test_its_level_is_no_rate_of_whole_cpus() -> None:
    whole, half = candidate(1, 95.0), candidate(0.5, 45.0)
    found = findings(sweep=Candidates((whole,), complete=True), quota=Candidates((half,), complete=True))
    assert list(found.rate_levels(whole.level)) == [whole.level]
    assert list(found.rate_levels(half.level)) == [whole.level, half.level], "unless it is the recommended one"


@pytest.mark.parametrize(("budget_s", "left_s"), [(45.0, 45.0), (600.0, 0.0)])
def test_without_time_there_are_none(tmp_path: Path, budget_s: float, left_s: float) -> None:
    setup, first = real(tmp_path, budget_s)
    (found,) = sweep_by_quota(Session(setup, Notes(), None, Stopwatch(left_s)), first, SWEPT)  # type: ignore[arg-type]
    assert found.candidates == ()
