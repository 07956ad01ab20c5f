"""Levels at a steady rate: as they are written, the search for the rate that keeps an objective, disturbed ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.answer.decision import decide, warnings_of_bounds
from plimsoll.profiling.latency import decode_distribution, encode_histogram
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
        *_, found = open_loop.measure_rate(server, OpenLoop(), 66.0, 4.0, noisy_cores=0.2)
        assert len(found.levels) == 2
        assert found.operating is found.levels[-1]
        assert found.operating.latency.mean_s() == pytest.approx(last)


def test_a_disturbed_level_is_not_repeated_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = dataclasses.replace(rate_level(66.0), seconds=1000.0)
    noisy = dataclasses.replace(noisy, window=dataclasses.replace(noisy.window, elsewhere_cores=2.0))
    monkeypatch.setattr(open_loop, "run_rate", lambda server, rate_rps, seconds: noisy)
    server: Any = NoServer()
    (found,) = open_loop.measure_rate(server, OpenLoop(), 66.0, 1000.0, noisy_cores=0.2)
    assert found.operating is noisy


def open_level(**changes: Any) -> RateLevel:
    """Fifty requests a second for four seconds, changed in what its driver said."""
    made = rate_level()
    return dataclasses.replace(made, answer=dataclasses.replace(made.answer, **changes))


def test_a_level_is_written_as_it_was() -> None:
    written = open_level().judged(200.0, OBJECTIVE)
    assert (written.target_requests_per_second, written.requests_per_second) == (50.0, 50.0)
    assert (written.capacity_share, written.cpus, written.offered, written.requests) == (0.25, 4, 200, 200)
    assert (written.seconds, written.windows, written.slo_met) == (4.0, 1, True)
    assert (written.queue_growing, written.driver_limited) == (False, False)
    assert (written.in_flight_mean, written.in_flight_max) == (1.0, 3)
    assert written.cpu_seconds_per_request == pytest.approx(0.01)
    assert written.cores_used.mean == pytest.approx(0.5)
    assert written.driver_cores == pytest.approx(0.005)
    assert written.latency_seconds.p95 == pytest.approx(0.020, rel=0.001)
    assert written.lateness_seconds.p50 == pytest.approx(50e-6, rel=0.02)


def test_what_only_the_whole_run_shows_is_not_known_before() -> None:
    level = open_level()
    assert (level.result.capacity_share, level.result.slo_met) == (None, None)
    assert level.judged(0.0, None) == level.result, "nor where there is no capacity and no objective"


def test_a_level_that_was_pooled_counts_its_windows() -> None:
    pooled = open_loop.pool_levels([rate_level(), rate_level(latency_s=0.030), rate_level()]).result
    assert (pooled.windows, pooled.requests, pooled.offered, pooled.seconds) == (3, 600, 600, 12.0)
    assert pooled.outcomes == {"200": 600, "500": 0}
    assert pooled.requests_per_second == 50.0
    assert pooled.cores_used.mean == pytest.approx(0.5)
    assert pooled.latency_seconds.max == pytest.approx(0.030, rel=0.001)


@pytest.mark.parametrize(
    ("in_flight", "overrun", "grows"),
    [
        ((1.0,) * 20, False, False),
        (tuple(float(place) for place in range(20)), False, True),
        (tuple(float(place % 3) for place in range(20)), False, False),
        (tuple(20.0 - place for place in range(20)), False, False),
        ((1.0,) * 20, True, True),
        ((0.0, 9.0), False, False),
        (tuple(100 + 0.3 * place for place in range(20)), False, False),
    ],
    ids=["level", "rising", "to and fro", "falling", "hit the cap", "too short", "by a few per cent"],
)
def test_a_queue_that_grows_shows_in_what_arrivals_find(
    in_flight: tuple[float, ...], overrun: bool, grows: bool
) -> None:
    assert open_level(in_flight=in_flight, overrun=overrun).result.queue_growing is grows


@pytest.mark.parametrize(("late_ms", "limited"), [(0.05, False), (0.9, False), (1.1, True), (30.0, True)])
def test_a_driver_that_sends_late_measures_itself(late_ms: float, limited: bool) -> None:
    """99 % within 1 ms, at a median of 20 ms: 2 % of that is less."""
    lateness_ns = [round(late_ms * 1e6)] * 400
    late = decode_distribution(encode_histogram(lateness_ns), sum(lateness_ns) / 1e9)
    assert open_level(lateness=late).result.driver_limited is limited
