"""The operating point: the search for the rate that keeps an objective, and a level that was disturbed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.answer.decision import decide, warnings_of_bounds
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.phases import open_loop
from plimsoll.profiling.phases.open_loop import OpenLoop, RateLevel
from support.made_up import findings, rate_level

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
    server: Any = NoServer()
    *_, found = open_loop.search_slo(server, OBJECTIVE, 100.0, 1000.0)
    assert found.slo_rps is not None
    assert limit_rps - 7.0 <= found.slo_rps <= limit_rps
    assert len(found.levels) <= 6


def test_an_objective_below_the_service_time_is_never_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "run_rate", lambda server, rate_rps, seconds: served(rate_rps, 0.0))
    server: Any = NoServer()
    *_, searched = open_loop.search_slo(server, OBJECTIVE, 100.0, 1000.0)
    assert searched.slo_rps == 0.0
    found = findings(options={"slo": OBJECTIVE}, open_loop=searched)
    assert "p95 of 50 ms was not shown at any rate" in next(warnings_of_bounds(found, decide(found)))


def test_no_time_for_a_single_level_decides_nothing() -> None:
    server: Any = NoServer()
    (found,) = open_loop.search_slo(server, Slo(0.999, 0.050), 1.0, 1.0)
    assert found == OpenLoop(slo_rps=0.0)


def test_a_queue_that_grows_keeps_no_objective() -> None:
    assert open_loop.slo_met(rate_level(), OBJECTIVE) is True
    assert open_loop.slo_met(rate_level(overrun=True), OBJECTIVE) is False
    assert open_loop.slo_met(rate_level(failures=100), OBJECTIVE) is False
    assert open_loop.slo_met(rate_level(), None) is None


def test_a_disturbed_level_is_measured_again_and_the_better_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = rate_level(66.0, 0.080)
    noisy = dataclasses.replace(noisy, window=dataclasses.replace(noisy.window, elsewhere_cores=2.0))
    for second, last in ((rate_level(66.0, 0.020), 0.020), (rate_level(66.0, 0.300), 0.080)):
        made = iter([noisy, second])
        monkeypatch.setattr(open_loop, "run_rate", lambda server, rate_rps, seconds, made=made: next(made))
        server: Any = NoServer()
        *_, found = open_loop.measure_operating_point(server, OpenLoop(), 66.0, 4.0, noisy_cores=0.2, reserved_s=10.0)
        assert len(found.levels) == 2
        assert found.operating is found.levels[-1]
        assert found.operating.latency.mean_s() == pytest.approx(last)


def test_a_disturbed_level_is_not_repeated_in_the_time_of_later_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = rate_level(66.0)
    noisy = dataclasses.replace(noisy, window=dataclasses.replace(noisy.window, elsewhere_cores=2.0))
    monkeypatch.setattr(open_loop, "run_rate", lambda server, rate_rps, seconds: noisy)
    server: Any = NoServer()
    (found,) = open_loop.measure_operating_point(server, OpenLoop(), 66.0, 4.0, noisy_cores=0.2, reserved_s=998.0)
    assert found.operating is noisy
