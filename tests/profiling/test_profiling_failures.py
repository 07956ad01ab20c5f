"""A level in which many requests failed does not tell how fast the server is: no percentile, no advice from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from plimsoll.profiling.answer.decision import decide, warnings_of_bounds
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gates.metrics import METRICS
from plimsoll.profiling.latency import Distribution, decode_distribution, encode_histogram
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.run import profile
from support.made_up import STARTUP, census, findings, level, operated, rate_level, row_cost, window, written_of
from support.profile_runs import SLEEP, Notes, options_for, unexplained, written


def answered(*milliseconds: int, failed: int = 0) -> Distribution:
    times_ns = [count * 1_000_000 for count in milliseconds]
    return dataclasses.replace(decode_distribution(encode_histogram(times_ns), sum(times_ns) / 1e9), failed=failed)


def test_a_failed_request_is_slower_than_any_answer() -> None:
    """1..1000 ms and nine failures: 99 % of the 1009 are reached nine answers further up than 99 % of the 1000."""
    times = range(1, 1001)
    assert answered(*times).percentile_s(0.99) == pytest.approx(0.990, abs=0.001)
    assert answered(*times, failed=9).percentile_s(0.99) == pytest.approx(0.999, abs=0.001)
    assert answered(*times, failed=9).percentile_s(0.5) == pytest.approx(0.505, abs=0.001)
    assert answered(*[5] * 3000, failed=2).percentile_s(0.999) == pytest.approx(0.005, abs=0.0001)
    assert answered(*[5] * 3000, failed=4).percentile_s(0.999) is None, "among the slowest thousandth none was answered"


def test_no_percentile_where_over_one_in_a_hundred_failed() -> None:
    assert answered(*[5] * 9900, failed=100).percentile_s(0.5) is not None
    withheld = answered(*[5] * 9900, failed=101)
    assert withheld.withheld
    assert [withheld.percentile_s(share) for share in (0.5, 0.9, 0.95, 0.99)] == [None] * 4


def measured(failures: int) -> Findings:
    """An operating level of 400 requests of which so many failed."""
    found = findings(
        startup=STARTUP,
        census=census(row_cost(0)),
        capacity=Capacity((level(window(1, 1000.0)),), stopped="all levels were run"),
        open_loop=operated(rate_level(100.0, failures=failures)),
    )
    return dataclasses.replace(found, warnings=tuple(warnings_of_bounds(found, decide(found))))


def test_the_operating_point_has_no_latency_where_requests_failed() -> None:
    found = measured(failures=270)
    result = written_of(found)
    point = result.recommendation.operating_point
    assert point is not None
    assert set(point.latency_seconds.model_dump().values()) == {None}
    assert result.measurements.operating_level is not None
    assert set(result.measurements.operating_level.latency_seconds.model_dump().values()) == {None}
    assert "at most 1% that failed" in result.unknown["recommendation.operatingPoint.latencySeconds.p99"]
    assert "more than 1%" in result.unknown["measurements.operatingLevel.latencySeconds.mean"]
    (warning,) = result.warnings
    assert "270 of 400 requests failed (500: 270)" in warning


def test_a_gate_on_latency_does_not_take_the_knee_for_a_rate_that_failed() -> None:
    whole, broken = written_of(measured(0)), written_of(measured(270))
    for name in ("p50", "p95", "p99"):
        assert METRICS[name].read(whole) is not None
        assert METRICS[name].read(broken) is None
        assert getattr(broken.measurements.concurrency_levels[0].latency_seconds, name) is not None, "the knee has one"


def test_now_and_then_a_failure_is_no_reason_to_be_silent() -> None:
    result = written_of(measured(failures=3))
    point = result.recommendation.operating_point
    assert point is not None
    assert point.latency_seconds.p95 is not None
    assert result.warnings == []


def test_a_level_that_failed_does_not_set_the_capacity() -> None:
    sound = level(window(1, 100.0), window(1, 100.0))
    broken = dataclasses.replace(level(window(2, 900.0, failures={0: 600})), unexpected_failures=600)
    assert broken.result.requests_per_second > sound.result.requests_per_second
    assert Capacity((sound, broken)).saturated() == [sound]
    assert Capacity((sound, broken)).best_rps() == sound.result.requests_per_second
    assert Capacity((broken,)).knee() is broken, "better than no answer where nothing else was measured"


def test_a_server_that_refuses_what_comes_together(tmp_path: Path) -> None:
    """Four calls at once at 20 ms each, and nobody may wait: of 100 random arrivals a second 9.5 % find no slot.

    By Erlang's loss formula, for an offered load of two.
    """
    flags = ["--threads", "4", "--max-queue", "0"]
    options = options_for(tmp_path, SLEEP, ["1", "2", "3"], budget_s=8.0, flags=flags, threads=4, target_rps=100.0)
    result = profile(options, Notes())
    level = result.measurements.operating_level
    assert level is not None
    assert level.successes < 0.99 * level.requests
    assert set(level.outcomes) >= {"200", "429"}
    assert sum(level.outcomes.values()) == level.requests
    assert level.latency_seconds.p50 is None
    assert any("no latency is stated" in warning for warning in result.warnings)
    assert unexplained(written(options)) == []


def test_a_server_that_takes_few_connections_refuses_none(tmp_path: Path) -> None:
    """Two at a time: the load waits for one of them, as clients with a pool of two would, and that is said."""
    flags = ["--threads", "10", "--max-connections", "3"]
    options = options_for(tmp_path, SLEEP, ["1", "2", "3"], budget_s=8.0, flags=flags, threads=10, target_rps=60.0)
    result = profile(options, Notes())
    assert {outcome for level in result.measurements.open_levels() for outcome in level.outcomes} == {"200"}
    assert any("--max-connections allows 2 connections" in warning for warning in result.warnings)
