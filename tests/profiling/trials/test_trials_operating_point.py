"""The smallest quota: which sizes are tried, in which order, and what is believed of them; windows of the rate."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.advice.rounding import next_cores, sizes_between
from plimsoll.profiling.phases.open_loop import RateLevel, turns_away
from plimsoll.profiling.run import profile
from plimsoll.profiling.trials.operating_point import OperatingPoint, Passes, smallest_limit, windows_for
from support.made_up import STARTUP, cpu_of, memory_of_size, rate_level
from support.profile_runs import SLEEP, Notes, options_for


def from_on(least_cores: float, tried: list[float], tries: int = 100) -> Passes:
    """A server that keeps its latency with so many cores, and time for so many tries."""

    def passes(cores: float) -> bool | None:
        if len(tried) == tries:
            return None
        tried.append(cores)
        return cores >= least_cores

    return passes


@pytest.mark.parametrize(
    ("request_cores", "mean_cores", "least_cores", "limit"),
    [
        (0.45, 0.31, 0.66, 0.7),
        (0.45, 0.31, 0.45, 0.45),
        (0.45, 0.31, 0.44, 0.45),
        (0.45, 0.31, 0.37, 0.45),
        (0.45, 0.31, 0.36, 0.4),
        (1.0, 0.7, 0.95, 1.0),
        (1.0, 0.3, 0.5, 0.5),
        (1.0, 0.3, 0.01, 0.35),
        (0.6, 0.41, 1.9, 2.0),
        (0.6, 0.41, 99.0, 2.0),
        (2.0, 1.5, 1.9, 2.0),
        (3.0, 1.5, 1.9, 2.0),
    ],
)
def test_the_smallest_size_that_passes(
    request_cores: float, mean_cores: float, least_cores: float, limit: float
) -> None:
    tried: list[float] = []
    assert smallest_limit(request_cores, mean_cores, 2.0, from_on(least_cores, tried)) == pytest.approx(limit)
    assert tried[0] == min(request_cores, 2.0)
    assert all(cores <= 2.0 for cores in tried)
    assert len(set(tried)) == len(tried) <= 6


def test_a_fifth_less_never_passes() -> None:
    """Whatever the server needs, from a fifth of a core on: below that a step is more than a fifth."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(300):
        least, request = draw.uniform(0.2, 7.5), draw.choice(sizes_between(0.1, 8.0))
        limit = smallest_limit(request, 0.9 * least, 8.0, from_on(least, []))
        assert limit is not None
        assert limit >= least - 1e-9
        assert 0.8 * limit < least + 1e-6, (least, request, limit)


def test_without_time_nothing_is_said() -> None:
    assert smallest_limit(0.45, 0.31, 2.0, from_on(0.7, [], tries=0)) is None


def test_when_the_time_is_up_the_smallest_that_passed_counts() -> None:
    tried: list[float] = []
    limit = smallest_limit(0.45, 0.31, 2.0, from_on(0.7, tried, tries=2))
    assert tried[-1] >= 0.7
    assert limit == tried[-1]
    assert smallest_limit(0.45, 0.31, 2.0, from_on(1.9, [], tries=2)) == 2.0, "nothing has passed but what is there"


def test_the_sizes_between_two() -> None:
    assert sizes_between(0.42, 0.8) == [0.45, 0.5, 0.6, 0.7, 0.8]
    assert sizes_between(0.0, 0.12) == [0.1, 0.12]
    assert sizes_between(1.9, 3.5) == [2.0, 2.5, 3.0, 3.5]
    assert sizes_between(5.0, 2.0) == [2.0]
    sizes = sizes_between(0.1, 16.0)
    assert [next_cores(size) for size in sizes[:-1]] == sizes[1:]


@pytest.mark.parametrize(
    ("rate_rps", "total_s", "count", "seconds"),
    [(100.0, 10.0, 4, 2.5), (100.0, 60.0, 4, 15.0), (20.0, 10.0, 3, 3.39), (10.0, 10.0, 2, 5.0), (1.0, 10.0, 2, 5.0)],
)
def test_windows_are_longer_where_that_buys_each_its_p95(
    rate_rps: float, total_s: float, count: int, seconds: float
) -> None:
    """59 requests, and a sixth of that to spare; never fewer windows than a trial repeats."""
    windows, window_s = windows_for(rate_rps, total_s)
    assert (windows, window_s) == (count, pytest.approx(seconds, abs=0.01))
    assert count * seconds >= total_s - 0.01


def answered(outcome: str, count: int, unexpected: int) -> RateLevel:
    """200 requests, so many of them with this outcome."""
    fine = rate_level()
    load = dataclasses.replace(fine.answer.load, outcomes={"200": 200 - count, outcome: count})
    answer = dataclasses.replace(fine.answer, load=load)
    return dataclasses.replace(fine, answer=answer, unexpected_failures=unexpected)


@pytest.mark.parametrize("outcome", ["429", "503", "504", "timeout"])
def test_a_rate_at_which_requests_are_turned_away_is_too_high(outcome: str) -> None:
    assert turns_away(answered(outcome, 2, 2))
    assert not turns_away(answered(outcome, 1, 1)), "one may be a worker that was replaced"
    assert not turns_away(answered(outcome, 20, 0)), "the row is always answered so"


@pytest.mark.parametrize(("lost", "share"), [(2, 0.8 * 0.99), (40, 0.8 * 0.8), (180, 0.4)])
def test_the_next_rate_is_four_fifths_of_what_was_answered(lost: int, share: float) -> None:
    recommended = Recommended(Configuration(1), cpu_of(1.5, carries_rps=100.0), memory_of_size(200_000_000))
    begun = OperatingPoint(recommended, STARTUP, (answered("429", lost, lost),))
    lowered = begun.slower(None)
    assert lowered is not None
    assert lowered.recommended.operating_rps == pytest.approx(100.0 * share)


def test_what_the_script_fails_at_is_not_the_fault_of_the_rate() -> None:
    assert not turns_away(rate_level())
    assert not turns_away(rate_level(failures=3))


def test_a_rate_that_loses_requests_without_limits_is_not_recommended(tmp_path: Path) -> None:
    """A slot of 20 ms, room for two more calls: at two thirds of its 50 requests/s several in a hundred find none."""
    options = options_for(tmp_path, SLEEP, ["row"] * 4, budget_s=20.0)
    options = dataclasses.replace(options, server_arguments=[*options.server_arguments, "--max-queue", "2"])
    result = profile(options, Notes())
    point, cpu = result.recommendation.operating_point, result.recommendation.cpu
    assert point is not None
    assert cpu is not None
    rates = [level.target_requests_per_second for level in result.measurements.open_levels()]
    assert point.requests_per_second == pytest.approx(rates[-1])
    assert rates[-1] < 0.9 * rates[0]
    assert "requests were turned away even without limits" in cpu.reason
    assert result.recommendation.max_requests_per_second == pytest.approx(rates[-1])
