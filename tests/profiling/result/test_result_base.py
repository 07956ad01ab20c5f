"""What all parts have in common: names in JSON, latencies as far as requests allow, memory where it can be seen."""

from __future__ import annotations

import dataclasses

import pytest

from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.latency import Distribution, decode_distribution, encode_histogram
from plimsoll.profiling.result.base import LatencySeconds, LevelMemory, camel
from support.made_up import MEMORY


def test_names_in_json() -> None:
    assert camel("max_utilized_memory_in_gb") == "maxUtilizedMemoryInGB"
    assert camel("latency_percentile_999_in_ms") == "latencyPercentile999InMs"


def latencies(*milliseconds: int, failed: int = 0) -> Distribution:
    times_ns = [count * 1_000_000 for count in milliseconds]
    return dataclasses.replace(decode_distribution(encode_histogram(times_ns), sum(times_ns) / 1e9), failed=failed)


@pytest.mark.parametrize(
    ("count", "known"),
    [(1, set()), (5, {"p50"}), (29, {"p50", "p90"}), (59, {"p50", "p90", "p95"}), (299, {"p50", "p90", "p95", "p99"})],
)
def test_percentiles_come_as_requests_allow(count: int, known: set[str]) -> None:
    written = LatencySeconds.over(latencies(*range(1, count + 1)))
    assert {name for name in ("p50", "p90", "p95", "p99", "p999") if getattr(written, name) is not None} == known
    assert written.mean == pytest.approx((count + 1) / 2000)
    assert written.max == pytest.approx(count / 1000, rel=0.001)


def test_each_percentile_has_its_own_name() -> None:
    written = LatencySeconds.over(latencies(*range(1, 10_001)))
    assert [written.p50, written.p90, written.p95, written.p99, written.p999] == pytest.approx(
        [5.0, 9.0, 9.5, 9.9, 9.99], rel=0.001
    )


def test_where_many_failed_not_even_the_mean_is_written() -> None:
    assert set(LatencySeconds.over(latencies(*range(1, 300), failed=4)).model_dump().values()) == {None}
    assert LatencySeconds.over(latencies(*range(1, 400), failed=4)).mean is not None
    assert LatencySeconds.over(latencies()).max is None


def test_a_server_that_could_not_be_looked_into_has_no_memory() -> None:
    written = LevelMemory.held(MEMORY.total)
    assert (written.pss_bytes, written.peak_bytes, written.high_water_sum_bytes) == (50_000_000, 60_000_000, 70_000_000)
    nothing = LevelMemory.held(GroupMemory(0, 0, 0, 0, 0, 0, 0))
    assert set(nothing.model_dump().values()) == {None}
