"""Which levels of concurrency are run."""

from __future__ import annotations

from plimsoll.profiling.phases.capacity import connection_counts


def test_levels_double_and_are_few_for_slow_models() -> None:
    assert list(connection_counts(slots=4, latency_s=0.1))[:5] == [1, 2, 4, 8, 16]
    assert list(connection_counts(slots=4, latency_s=3.0)) == [1, 4, 8]
    assert list(connection_counts(slots=1, latency_s=3.0)) == [1, 2]
    assert list(connection_counts(2, 0.1, 16)) == [1, 4, 16, 64]
    assert list(connection_counts(1, 0.1, 5)) == [1, 4, 10]
    assert list(connection_counts(2, 3.0, 8)) == [1, 2, 32]
    assert list(connection_counts(1, 0.1, most=100)) == [1, 2, 4, 8, 16, 32, 64, 100]
    assert list(connection_counts(8, 0.1, 64, most=100)) == [1, 4, 16, 64, 100]
    assert list(connection_counts(8, 3.0, 64, most=100)) == [1, 8, 100]
