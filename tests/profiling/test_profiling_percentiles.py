"""Percentiles from histograms: by the nearest rank of the latencies themselves, pooled as if they were one list."""

from __future__ import annotations

import dataclasses
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.profiling.latency import (
    MOST_FAILED_SHARE,
    Distribution,
    decode_distribution,
    encode_histogram,
    needed_for,
    pool,
)
from plimsoll.profiling.statistics import rank_percentile

SHARES = ("0.5", "0.9", "0.95", "0.99", "0.999")
LATENCIES = st.lists(st.integers(1_000, 3_600_000_000_000), max_size=150)


def distribution(latencies_ns: list[int], failed: int = 0) -> Distribution:
    sum_s = sum(latencies_ns) / 1e9
    return dataclasses.replace(decode_distribution(encode_histogram(latencies_ns), sum_s), failed=failed)


def nearest_rank(values: list[int], share: str, failed: int = 0) -> int | None:
    """The smallest that at least `share` of all do not exceed; None where that one failed."""
    rank = max(1, math.ceil(Fraction(share) * (len(values) + failed)))
    return sorted(values)[rank - 1] if rank <= len(values) else None


def is_shown_as(latency_s: float, latency_ns: int) -> bool:
    """To the microsecond below and three significant digits above: what an HDR histogram promises."""
    exact_us = latency_ns // 1000
    return exact_us <= round(latency_s * 1e6) <= exact_us * 1.001 + 1


@pytest.mark.parametrize("count", [59, 60, 61, 72, 299, 360, 1001, 2995])
@pytest.mark.parametrize("share", SHARES)
def test_the_percentile_is_the_nearest_rank(share: str, count: int) -> None:
    """Of 360 requests 99 % are 356.4: the latency that 356 do not exceed is exceeded by more than one in a hundred."""
    latencies_ns = [place * 10_000_000 for place in range(1, count + 1)]
    found = distribution(latencies_ns).percentile_s(float(share))
    if count < needed_for(float(share)):
        assert found is None
    else:
        exact_ns = nearest_rank(latencies_ns, share)
        assert found is not None
        assert exact_ns is not None
        assert is_shown_as(found, exact_ns)


@settings(deadline=None, max_examples=20)
@given(latencies_ns=LATENCIES, failed=st.integers(0, 3), share=st.sampled_from(SHARES))
def test_with_failures_it_is_the_nearest_rank_of_all(latencies_ns: list[int], failed: int, share: str) -> None:
    found = distribution(latencies_ns, failed).percentile_s(float(share))
    all_requests = len(latencies_ns) + failed
    exact_ns = nearest_rank(latencies_ns, share, failed)
    too_few = len(latencies_ns) < needed_for(float(share)) or failed > MOST_FAILED_SHARE * all_requests
    if too_few or exact_ns is None:
        assert found is None
    else:
        assert found is not None
        assert is_shown_as(found, exact_ns)


@settings(deadline=None, max_examples=20)
@given(st.lists(LATENCIES, max_size=4))
def test_a_pool_is_the_histogram_of_everything(windows: list[list[int]]) -> None:
    whole = [latency_ns for window in windows for latency_ns in window]
    pooled = pool([distribution(window) for window in windows])
    assert pooled.count == len(whole)
    assert encoded(pooled) == encoded(distribution(whole))
    assert pooled.mean_s() == (pytest.approx(sum(whole) / len(whole) / 1e9) if whole else None)


def encoded(found: Distribution) -> list[tuple[int, int]]:
    """Every bucket that something is in, and how much."""
    steps = found.histogram.get_recorded_iterator()
    return [(step.value_iterated_to, step.count_added_in_this_iter_step) for step in steps]


def test_a_pool_leaves_its_parts_as_they_were() -> None:
    one, other = distribution([1_000_000] * 3), distribution([2_000_000] * 4)
    assert pool([one, other]).count == pool([other, one]).count == 7
    assert (one.count, other.count) == (3, 4)


@settings(deadline=None, max_examples=20)
@given(LATENCIES, st.integers(1_000, 3_600_000_000_000))
def test_how_many_took_longer(latencies_ns: list[int], limit_ns: int) -> None:
    found = distribution(latencies_ns).count_above(limit_ns / 1e9)
    certainly = sum(latency_ns // 1000 > limit_ns / 1000 * 1.002 + 1 for latency_ns in latencies_ns)
    perhaps = sum(latency_ns >= limit_ns for latency_ns in latencies_ns)
    assert certainly <= found <= perhaps


def test_the_limit_itself_is_not_too_long() -> None:
    found = distribution([200_000_000] * 5 + [201_000_000] * 2)
    assert found.count_above(0.200) == 2
    assert found.count_above(0.201) == 0
    assert found.count_above(0.0) == 7


def test_nothing_is_too_short_or_too_long_to_be_counted() -> None:
    """Below a microsecond is one, above an hour is an hour: counted, and the mean is exact all the same."""
    found = distribution([1, 999, 10_000_000_000_000])
    assert found.count == 3
    assert found.max_s() == pytest.approx(3600, rel=0.001)
    assert found.mean_s() == pytest.approx(10_000.000001 / 3)


@settings(deadline=None, max_examples=12)
@given(st.lists(st.integers(1_000_000, 10_000_000_000), min_size=2, max_size=100))
def test_variation_is_that_of_the_latencies(latencies_ns: list[int]) -> None:
    mean = sum(latencies_ns) / len(latencies_ns)
    exact = sum((latency - mean) ** 2 for latency in latencies_ns) / len(latencies_ns) / mean**2
    found = distribution(latencies_ns).squared_variation()
    assert found == pytest.approx(exact, rel=0.02, abs=1e-4)


def test_variation_of_known_shapes() -> None:
    """0 for a constant, 1 for an exponential service time."""
    seed = 31
    draw = random.Random(seed)
    assert distribution([5_000_000] * 100).squared_variation() == pytest.approx(0.0, abs=1e-6)
    exponential = distribution([round(draw.expovariate(1 / 10e6)) + 1000 for _ in range(20_000)])
    assert exponential.squared_variation() == pytest.approx(1.0, abs=0.08), f"seed {seed}"
    assert distribution([5_000_000]).squared_variation() is None


@settings(deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=80), st.sampled_from([*SHARES, "1.0"]))
def test_the_percentile_of_a_list_is_its_nearest_rank(values: list[int], share: str) -> None:
    assert rank_percentile(values, float(share)) == nearest_rank(values, share)
