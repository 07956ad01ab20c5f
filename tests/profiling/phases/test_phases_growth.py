"""Growth of memory and latency objectives, judged from made-up series."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

import pytest

from plimsoll.errors import UsageError
from plimsoll.profiling.advice.slo import Slo, binomial_at_most, parse_slo
from plimsoll.profiling.latency import decode_distribution, encode_histogram
from plimsoll.profiling.phases.growth import extra_seconds, gpu_readings, judge, judge_gpu, readings
from plimsoll.profiling.statistics import rising_chance, theil_sen, theil_sen_interval
from support.made_up import window

MB = 1_000_000


def series(size: Callable[[int], float], count: int = 12, noise_bytes: float = 0.0) -> list[tuple[float, float]]:
    """A reading each hundred requests."""
    draw = random.Random(3)
    return [(0.1 * step, 200 * MB + size(100 * step) + draw.gauss(0, noise_bytes)) for step in range(1, count + 1)]


def test_a_leak_is_found_and_measured() -> None:
    growth = judge(series(lambda requests: 20_000 * requests, noise_bytes=200_000))
    assert growth.verdict == "growing"
    assert growth.bytes_per_request == pytest.approx(20_000, rel=0.05)
    assert growth.bytes_per_1000_requests == pytest.approx(20 * MB, rel=0.05)
    assert growth.lower_bytes_per_1000_requests is not None
    assert growth.upper_bytes_per_1000_requests is not None
    assert growth.lower_bytes_per_1000_requests < 20 * MB < growth.upper_bytes_per_1000_requests
    assert (growth.readings, growth.requests) == (12, 1100)


@pytest.mark.parametrize(
    ("size", "noise_bytes", "verdict"),
    [
        (lambda requests: 0.0, 0.0, "none"),
        (lambda requests: 0.0, 2 * MB, "none"),
        (lambda requests: 10.0 * requests, 0.0, "none"),
        (lambda requests: 50 * MB * (requests > 600), 0.0, "saturating"),
        (lambda requests: 50_000.0 * min(requests, 500), 0.0, "saturating"),
        (lambda requests: 30 * MB * (1 - 0.8 ** (requests / 100)), 0.0, "saturating"),
        (lambda requests: MB * (requests // 300), 0.0, "growing"),
    ],
)
def test_verdicts(size: Callable[[int], float], noise_bytes: float, verdict: str) -> None:
    assert judge(series(size, noise_bytes=noise_bytes)).verdict == verdict


def test_too_few_readings_decide_nothing() -> None:
    growth = judge(series(lambda requests: 1.0 * MB * requests, count=5))
    assert growth.model_dump(exclude_none=True) == {"verdict": "unresolved", "readings": 5, "requests": 0}
    assert growth.bytes_per_request is None


def test_readings_count_thousands_of_requests() -> None:
    windows = [dataclasses.replace(window(rate_rps=50.0), anonymous_bytes=size) for size in (5, None, 7)]
    assert readings(windows) == [(0.05, 5.0), (0.15, 7.0)]


def test_a_trend_is_robust_against_one_jump() -> None:
    points = [(float(x), 2.0 * x + (1000.0 if x == 5 else 0.0)) for x in range(12)]
    assert theil_sen(points) == pytest.approx(2.0)
    assert theil_sen_interval([(1.0, 1.0)]) == (0.0, 0.0)
    assert rising_chance([1.0] * 10) == 1.0
    assert rising_chance([float(x) for x in range(10)]) < 0.001
    assert rising_chance([float(-x) for x in range(10)]) == 1.0


@pytest.mark.parametrize(
    ("text", "slo"),
    [("p99=200ms", Slo(0.99, 0.2)), (" p95 <= 1.5s", Slo(0.95, 1.5)), ("p99.9<10ms", Slo(0.999, 0.01))],
)
def test_objectives_are_read(text: str, slo: Slo) -> None:
    assert parse_slo(text).share == pytest.approx(slo.share)
    assert parse_slo(text).seconds == pytest.approx(slo.seconds)


@pytest.mark.parametrize("text", ["", "200ms", "p99", "p0=1s", "p100=1s", "p99=0ms", "p99=200"])
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as p99=200ms"):
        parse_slo(text)


@pytest.mark.parametrize(
    ("fast", "slow", "failures", "met"),
    [
        (59, 0, 0, True),
        (58, 0, 0, None),
        (95, 5, 0, None),
        (200, 3, 0, True),
        (80, 20, 0, False),
        (80, 0, 20, False),
        (0, 0, 0, None),
    ],
)
def test_a_level_passes_fails_or_decides_nothing(fast: int, slow: int, failures: int, met: bool | None) -> None:
    times_ns = [50_000_000] * fast + [300_000_000] * slow
    latency = decode_distribution(encode_histogram(times_ns), sum(times_ns) / 1e9)
    assert Slo(0.95, 0.1).met(latency, failures) is met


def test_the_binomial_sum() -> None:
    assert binomial_at_most(-1, 10, 0.5) == 0.0
    assert binomial_at_most(10, 10, 0.5) == pytest.approx(1.0)
    assert binomial_at_most(1, 3, 0.5) == pytest.approx(0.5)
    assert binomial_at_most(50_000, 1_000_000, 0.05) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("successes", "rate_rps", "left_s", "seconds"),
    [
        (300, 10.0, 60.0, None),
        (199, 10.0, 60.0, 11.0),
        (49, 10.0, 5.0, 1.1),
        (49, 10.0, 60.0, 27.5),
        (49, 10.0, 0.5, None),
        (100, 1.0, 60.0, None),
    ],
)
def test_extra_time_is_spent_only_where_it_buys_a_percentile(
    successes: int, rate_rps: float, left_s: float, seconds: float | None
) -> None:
    assert extra_seconds(successes, rate_rps, left_s) == (None if seconds is None else pytest.approx(seconds))


def test_growth_of_the_gpus_is_read_where_the_driver_tells_it() -> None:
    told = [dataclasses.replace(window(), gpu_bytes=size * MB) for size in (100, 110, 120)]
    assert gpu_readings(told) == [(0.1, 100e6), (0.2, 110e6), (0.3, 120e6)]
    assert gpu_readings([window()] * 3) == []
    assert judge_gpu([]) is None


@pytest.mark.parametrize(
    ("size", "verdict"),
    [
        (lambda requests: 100_000.0 * requests, "growing"),
        (lambda requests: 20 * MB * (requests > 300) + 20 * MB * (requests > 900), "none"),
        (lambda requests: 20 * MB * min(requests // 100, 4), "saturating"),
    ],
    ids=["leak", "two segments of an allocator", "a cache that fills up"],
)
def test_segments_of_an_allocator_are_no_growth(size: Callable[[int], float], verdict: str) -> None:
    growth = judge_gpu(series(size))
    assert growth is not None
    assert growth.verdict == verdict
