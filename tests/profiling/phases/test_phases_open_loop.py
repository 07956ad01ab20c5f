"""The operating point: the search for the rate that keeps an objective, and a level that was disturbed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from plimsoll.profiling import unlimited
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.answer.decision import decide, warn_of_bounds
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.phases import open_loop
from plimsoll.profiling.phases.open_loop import RateLevel
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from support.made_up import MEMORY, findings, level, rate_level, row_cost, window

OBJECTIVE = Slo(0.95, 0.050)


class NoServer:
    """Stands in where the levels are made up."""

    def __init__(self) -> None:
        self.watch = Stopwatch(1000.0)


def served(rate_rps: float, limit_rps: float) -> RateLevel:
    """Fast up to a rate, far too slow beyond it."""
    return rate_level(rate_rps, 0.020 if rate_rps <= limit_rps else 0.200)


@pytest.mark.parametrize("limit_rps", [30.0, 40.0, 63.0, 99.0])
def test_the_highest_rate_is_found_within_a_few_percent(monkeypatch: pytest.MonkeyPatch, limit_rps: float) -> None:
    monkeypatch.setattr(open_loop, "run_rate", lambda server, rate_rps, seconds: served(rate_rps, limit_rps))
    rates: list[RateLevel] = []
    server: Any = NoServer()
    found_rps = open_loop.search_slo(server, OBJECTIVE, 100.0, 1000.0, rates)
    assert found_rps <= limit_rps
    assert found_rps >= limit_rps - 7.0
    assert len(rates) <= 6


def test_an_objective_below_the_service_time_is_never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "run_rate", lambda server, rate_rps, seconds: served(rate_rps, 0.0))
    server: Any = NoServer()
    assert open_loop.search_slo(server, OBJECTIVE, 100.0, 1000.0, []) == 0.0
    found = findings()
    found.options, found.slo_rps = dataclasses.replace(found.options, slo=OBJECTIVE), 0.0
    warn_of_bounds(found)
    assert "p95 of 50 ms was not shown at any rate" in found.warnings[0]


def test_no_time_for_a_single_level_decides_nothing() -> None:
    server: Any = NoServer()
    assert open_loop.search_slo(server, Slo(0.999, 0.050), 1.0, 1.0, []) == 0.0


def test_a_queue_that_grows_keeps_no_objective() -> None:
    assert open_loop.slo_met(rate_level(), OBJECTIVE) is True
    assert open_loop.slo_met(rate_level(overrun=True), OBJECTIVE) is False
    assert open_loop.slo_met(rate_level(failures=100), OBJECTIVE) is False
    assert open_loop.slo_met(rate_level(), None) is None


def test_a_disturbed_level_is_measured_again_and_the_better_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings()
    found.startup, found.census.memory = Startup(1.0, 0.5, MEMORY), MEMORY
    found.census.rows = {0: row_cost(0)}
    found.capacity.levels = [level(window(1, 100.0))]
    decide(found)
    noisy = rate_level(66.0, 0.080)
    noisy = dataclasses.replace(noisy, window=dataclasses.replace(noisy.window, elsewhere_cores=2.0))
    for second, last in ((rate_level(66.0, 0.020), 0.020), (rate_level(66.0, 0.300), 0.080)):
        made = iter([noisy, second])
        monkeypatch.setattr(unlimited, "run_rate", lambda server, rate_rps, seconds, made=made: next(made))
        found.rates = []
        server: Any = NoServer()
        unlimited._operate(server, found, Plan(45.0, 1.0, True, False))
        assert len(found.rates) == 2
        assert found.rates[-1].latency.mean_s() == pytest.approx(last)
