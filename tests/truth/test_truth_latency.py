"""Latency as users feel it, and the rate that keeps an objective, against queues that can be worked out."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from truth_servers import BURN_10_MS, SLEEP_20_MS, STALL, run

from plimsoll.profiling.advice.slo import Slo

pytestmark = [pytest.mark.truth, pytest.mark.calibration]
ROWS = [f"row {number}" for number in range(12)]


def queue_percentile_s(service_s: float, rate_rps: float, share: float, requests: int = 60_000) -> float:
    """One server, constant service, Poisson arrivals: time from arrival to answer, by Lindley's recursion."""
    draw, wait_s, times_s = random.Random(1), 0.0, []
    for _ in range(requests):
        times_s.append(wait_s + service_s)
        wait_s = max(0.0, wait_s + service_s - draw.expovariate(rate_rps))
    return sorted(times_s)[int(share * requests)]


def test_a_stall_is_felt_by_all_who_arrive_in_it(tmp_path: Path, enter: Callable[..., None]) -> None:
    """Half a second every five: a closed loop meets it once, an open loop in every request that came meanwhile."""
    result = run(tmp_path / "stall", STALL, ROWS, 90.0, verify=False, target_rps=40.0)
    level = result.measurements.operating_level
    assert level is not None
    assert level.latency_seconds.p99 is not None
    busy = level.target_requests_per_second * 0.0045
    stalls = max(1, round(level.seconds / 5.5))
    expected_s = 0.5 - 0.01 * (1 - busy) * level.seconds / stalls
    enter("p99 with a stall of 0.5 s every 5 s", expected_s * 1000, level.latency_seconds.p99 * 1000, "ms", 0.2)


def test_a_queue_of_random_arrivals(tmp_path: Path, enter: Callable[..., None]) -> None:
    result = run(tmp_path / "queue", SLEEP_20_MS, ROWS, 40.0, verify=False)
    level, alone = result.measurements.operating_level, result.measurements.concurrency_levels[0]
    assert level is not None
    assert alone.latency_seconds.mean is not None
    assert level.latency_seconds.p95 is not None
    expected_s = queue_percentile_s(alone.latency_seconds.mean, level.target_requests_per_second, 0.95)
    enter("p95 of Poisson arrivals at a 20 ms server", expected_s * 1000, level.latency_seconds.p95 * 1000, "ms", 0.35)
    assert level.target_requests_per_second == pytest.approx(0.66 * alone.requests_per_second, rel=0.1)


def test_the_rate_that_keeps_an_objective(tmp_path: Path, enter: Callable[..., None]) -> None:
    objective = Slo(0.95, 0.060)
    result = run(tmp_path / "slo", BURN_10_MS, ROWS, 60.0, slo=objective, verify=False)
    service_s = result.measurements.concurrency_levels[0].latency_seconds.mean
    assert service_s is not None
    rates = range(10, 100)
    true_rps = max(rate for rate in rates if queue_percentile_s(service_s, float(rate), 0.95) <= objective.seconds)
    recommended_rps = result.recommendation.max_requests_per_second
    assert recommended_rps is not None
    assert recommended_rps <= true_rps * 1.05
    enter("highest rate with p95 of 60 ms (90 % of it is given)", 0.9 * true_rps, recommended_rps, "1/s", 0.25)
    assert "latency objective" in (result.recommendation.cpu.reason if result.recommendation.cpu else "")
