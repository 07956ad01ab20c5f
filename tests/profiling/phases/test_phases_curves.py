"""Curves of latencies, and the windows of levels one by one: what charts are drawn from and profiles compared by."""

from __future__ import annotations

import dataclasses
import random

import pytest

from plimsoll.profiling.latency import decode_distribution, encode_histogram
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.phases.capacity import Capacity
from support.made_up import level, window


def answered(latencies_ns: list[int], connections: int = 1) -> Window:
    """A window of exactly these."""
    made = window(connections, float(len(latencies_ns)))
    latency = decode_distribution(encode_histogram(latencies_ns), sum(latencies_ns) / 1e9)
    load = dataclasses.replace(made.answer, successes=len(latencies_ns), latency=latency)
    return dataclasses.replace(made, answer=load)


@pytest.mark.parametrize("count", [1, 2, 39, 50, 72, 360, 2500])
def test_a_curve_says_what_a_share_of_the_requests_took_at_most(count: int) -> None:
    """Counted over the latencies themselves: never fewer than the share, and one less would be too few."""
    seed = 71
    draw = random.Random(seed)
    latencies_ns = [draw.randrange(1_000_000, 10**9) for _ in range(count)]
    curve = level(answered(latencies_ns)).curve()
    assert (curve.connections, curve.requests) == (1, count)
    assert curve.shares == sorted(set(curve.shares))
    assert curve.seconds == sorted(curve.seconds)
    assert curve.shares[-1] == 1.0
    for share, seconds in zip(curve.shares, curve.seconds, strict=True):
        at_most = sum(latency_ns <= seconds * 1e9 + 1000 for latency_ns in latencies_ns)
        clearly_below = sum(latency_ns < seconds * 1e9 * 0.998 for latency_ns in latencies_ns)
        assert at_most >= share * count - 1e-6, f"seed {seed}"
        assert clearly_below < share * count + 1, f"seed {seed}"


def test_no_share_is_stated_that_no_request_stands_for() -> None:
    curve = level(answered([10**7] * 200)).curve()
    assert [share for share in curve.shares if share > 0.98] == [0.99, 0.995, 1.0], "not 99.9 % of 200"


def test_one_connection_and_the_knee_have_a_curve() -> None:
    levels = [level(answered([10**7] * count, connections)) for connections, count in ((1, 100), (2, 190), (4, 195))]
    curves = Capacity(tuple(levels)).curves()
    assert [curve.connections for curve in curves] == [1, 2]
    failing = dataclasses.replace(levels[0], unexpected_failures=50)
    curves = Capacity((failing, *levels[1:])).curves()
    assert [curve.connections for curve in curves] == [2], "nobody's latency is stated where many failed"
    assert Capacity().curves() == []


def test_windows_are_written_one_by_one() -> None:
    levels = (level(window(1, 100.0), window(1, 90.0)), level(window(4, 300.0, cpu_s=0.02)))
    built = [one.one_by_one() for one in levels]
    assert [(one.connections, one.requests_per_second) for one in built] == [(1, [100.0, 90.0]), (4, [300.0])]
    assert built[1].cpu_seconds_per_request == [pytest.approx(0.02)]
