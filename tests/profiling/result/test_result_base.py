"""Names in JSON."""

from __future__ import annotations

from plimsoll.profiling.result.base import camel


def test_names_in_json() -> None:
    assert camel("max_utilized_memory_in_gb") == "maxUtilizedMemoryInGB"
    assert camel("latency_percentile_999_in_ms") == "latencyPercentile999InMs"
