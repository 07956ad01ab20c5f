"""Against an earlier profile: nothing that chance explains fails a build, whatever the two profiles are."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.profiling.gates.baseline import compare
from plimsoll.profiling.result.profile import GateResult, Profile
from support.finished import profile_with

SHARES = [0.5, 0.9, 0.99, 1.0]
RATES = st.lists(st.floats(20.0, 400.0), min_size=3, max_size=6)


def made(
    rates_rps: list[float] | None = None,
    cpu_s: list[float] | None = None,
    peak_bytes: int = 56_000_000,
    seconds: list[float] | None = None,
    elsewhere_cores: float = 0.0,
    connections: int = 1,
    **changes: Any,
) -> Profile:
    """A profile of one level; what is not said is that of support.finished."""
    content = profile_with().model_dump(by_alias=True)["measurements"]
    rates_rps = rates_rps or [95.0, 96.0, 95.2]
    windows = {"requestsPerSecond": rates_rps, "cpuSecondsPerRequest": cpu_s or [0.0103, 0.0104, 0.01035]}
    level = content["concurrencyLevels"][0] | {"connections": connections, "elsewhereCores": elsewhere_cores}
    curve = {"connections": 1, "requests": 1000, "shares": SHARES, "seconds": seconds or [0.010, 0.011, 0.015, 0.02]}
    content |= {
        "levelWindows": [windows | {"connections": connections}],
        "concurrencyLevels": [level],
        "memory": content["memory"] | {"peakBytes": peak_bytes},
        "latencyCurves": [curve],
    }
    return profile_with(measurements=content, **changes)


def results(now: Profile, before: Profile, most: float = 0.1) -> dict[str, GateResult]:
    return {result.name: result for result in compare(now, before, most)}


def failed(now: Profile, before: Profile, most: float = 0.1) -> list[str]:
    return [name for name, result in results(now, before, most).items() if result.held is False]


@settings(deadline=None, max_examples=25)
@given(RATES, st.lists(st.floats(0.001, 0.1), min_size=3, max_size=6), st.integers(1, 10**11))
def test_the_same_numbers_never_fail(rates_rps: list[float], cpu_s: list[float], peak_bytes: int) -> None:
    same = made(rates_rps, cpu_s, peak_bytes)
    assert failed(same, same, 0.0) == []


@settings(deadline=None, max_examples=25)
@given(RATES, RATES, st.floats(0.0, 0.5))
def test_only_one_of_two_can_have_regressed(one: list[float], other: list[float], most: float) -> None:
    """And the more is allowed, the less fails."""
    first, second = made(one, [1 / rate for rate in one]), made(other, [1 / rate for rate in other])
    forth, back = failed(first, second, most), failed(second, first, most)
    assert not set(forth) & set(back)
    assert set(failed(first, second, most + 0.2)) <= set(forth)


@settings(deadline=None, max_examples=25)
@given(RATES, st.floats(1.0, 5.0))
def test_what_got_better_never_fails(rates_rps: list[float], factor: float) -> None:
    before = made(rates_rps, [0.9 / rate for rate in rates_rps], 10**9)
    better = [rate * factor for rate in rates_rps]
    quicker = [second / factor for second in (0.010, 0.011, 0.015, 0.02)]
    now = made(better, [0.9 / rate for rate in better], round(10**9 / factor), quicker)
    assert failed(now, before, 0.0) == []


@settings(deadline=None, max_examples=25)
@given(st.floats(1.3, 4.0), st.floats(0.001, 0.02))
def test_what_is_worse_beyond_all_noise_fails(factor: float, noise: float) -> None:
    """A third more CPU with windows that hardly differ: beyond 3 % of placement and any spread."""
    steady = [1.0, 1.0 + noise / 10, 1.0 - noise / 10]
    before = made([100 * one for one in steady], [0.01 * one for one in steady])
    now = made([100 / factor * one for one in steady], [0.01 * factor * one for one in steady], round(56e6 * factor))
    assert failed(now, before) == [
        "memory at most",
        "CPU per request with 1 connection",
        "throughput with 1 connection",
    ]


def test_two_runs_of_the_same_thing_hardly_ever_fail() -> None:
    """Windows that vary by 5 %, drawn twice from the same distribution, at the default of 10 %."""
    seed = 41
    draw = random.Random(seed)

    def windows() -> list[float]:
        return [draw.gauss(100.0, 5.0) for _ in range(3)]

    wrong = sum(bool(failed(made(windows()), made(windows()))) for _ in range(250))
    assert wrong == 0, f"seed {seed}"


@pytest.mark.parametrize(
    ("change", "held"), [(0.05, True), (0.099, True), (0.11, False), (1.0, False), (-0.5, True)], ids=str
)
def test_memory_has_no_spread_to_hide_in(change: float, held: bool) -> None:
    result = results(made(peak_bytes=round(1e9 * (1 + change))), made(peak_bytes=10**9))["memory at most"]
    assert result.held is held
    assert result.change == pytest.approx(change)
    assert (result.before, result.bound) == ("1.00 GB", "> +10 %")


def test_a_doubtful_regression_shows_and_does_not_fail() -> None:
    result = results(made([60.0, 95.0, 80.0]), made())["throughput with 1 connection"]
    assert result.held is True
    assert result.change is not None
    assert result.change < -0.1


@pytest.mark.parametrize(
    ("host", "compared"),
    [
        ({}, 5),
        ({"usableCores": 4.0}, 1),
        ({"cpuModel": "Another CPU"}, 1),
        ({"cpuModel": None}, 1),
        ({"kernel": "6.12", "python": "3.13.1", "memoryTotalBytes": 1 << 40}, 5),
    ],
)
def test_times_are_compared_on_one_kind_of_machine(host: dict[str, Any], compared: int) -> None:
    """Its kernel and its Python may be newer: that is what is to be found out."""
    other = made(host=profile_with().host.model_dump(by_alias=True) | host)
    found = results(made(), other)
    assert sum(result.held is not None for result in found.values()) == compared
    assert ("the machine" in found) == (compared == 1)


def test_another_dataset_is_said_and_compared_all_the_same() -> None:
    other = made(dataset=profile_with().dataset.model_dump(by_alias=True) | {"bytes": 31})
    found = results(made(), other)
    assert found["the dataset"].held is None
    assert sum(result.held is not None for result in found.values()) == 5


def test_the_greatest_load_that_both_were_under_counts() -> None:
    one, other = made(connections=8), made(connections=8)
    assert "throughput with 8 connections" in results(one, other)
    assert not [name for name in results(one, made(connections=4)) if "throughput" in name]


@pytest.mark.parametrize(("cores", "compared"), [(0.0, True), (0.1, True), (0.11, False), (1.0, False)])
def test_beside_others_only_cpu_and_memory_are_compared(cores: float, compared: bool) -> None:
    """5 % of a machine of two cores; whichever of the two profiles was disturbed."""
    for now, before in ((made(elsewhere_cores=cores), made()), (made(), made(elsewhere_cores=cores))):
        found = results(now, before)
        assert ("throughput with 1 connection" in found) == compared
        assert ("throughput and latency" in found) == (not compared)
        assert found["CPU per request with 1 connection"].held is True
