"""Which levels of concurrency are run, and what is to be said of where they end."""

from __future__ import annotations

import pytest

from plimsoll.profiling.phases.capacity import TIME_WAS_UP, Capacity, connection_counts
from support.made_up import level, window


def test_levels_double_and_are_few_for_slow_models() -> None:
    assert list(connection_counts(slots=4, latency_s=0.1))[:5] == [1, 2, 4, 8, 16]
    assert list(connection_counts(slots=4, latency_s=3.0)) == [1, 4, 8]
    assert list(connection_counts(slots=1, latency_s=3.0)) == [1, 2]
    assert list(connection_counts(2, 0.1, 16)) == [1, 4, 16, 64]
    assert list(connection_counts(1, 0.1, 5)) == [1, 4, 10]
    assert list(connection_counts(2, 3.0, 8)) == [1, 2, 32]
    assert list(connection_counts(1, 0.1, most=100, step=4)) == [1, 4, 16, 64, 100]
    assert list(connection_counts(1, 0.1, most=100)) == [1, 2, 4, 8, 16, 32, 64, 100]
    assert list(connection_counts(8, 0.1, 64, most=100)) == [1, 4, 16, 64, 100]
    assert list(connection_counts(8, 3.0, 64, most=100)) == [1, 8, 100]


@pytest.mark.parametrize(
    ("rates_rps", "stopped", "short"),
    [
        ((100.0, 190.0), TIME_WAS_UP, True),
        ((100.0,), TIME_WAS_UP, True),
        ((100.0, 104.0), TIME_WAS_UP, False),
        ((100.0, 190.0, 180.0), TIME_WAS_UP, False),
        ((100.0, 190.0), "all levels were run", False),
        ((), TIME_WAS_UP, False),
    ],
)
def test_a_search_is_cut_short_only_while_throughput_rises(
    rates_rps: tuple[float, ...], stopped: str, short: bool
) -> None:
    """By more than the 5 % by which another level would have been worth it."""
    levels = tuple(level(window(1 << place, rate_rps)) for place, rate_rps in enumerate(rates_rps))
    assert Capacity(levels, stopped).cut_short() is short
