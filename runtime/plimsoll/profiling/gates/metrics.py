"""The numbers of a profile that gates can speak about, by the names that users write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from plimsoll.profiling.gates.units import Dimension
from plimsoll.profiling.result.profile import Profile


@dataclass(frozen=True, slots=True)
class Metric:
    """`read` answers None where the number is not known; `path` is where it is (or its null is explained)."""

    name: str
    dimension: Dimension
    path: str
    read: Callable[[Profile], float | None]


def _percentile(name: str, azure_digits: str) -> Metric:
    path = f"recommendation.operatingPoint.latencySeconds.{name}"
    return Metric(name, Dimension.TIME, path, lambda profile: _latency_s(profile, name, azure_digits))


def _latency_s(profile: Profile, name: str, azure_digits: str) -> float | None:
    """At the recommended rate if that was tried out, else at the knee, where it is longer.

    Where the rate was tried and too many requests failed, there is none: the knee must not stand in for it.
    """
    if any(level.latency_seconds.mean is None for level in profile.measurements.rate_levels[-1:]):
        return None
    point = profile.recommendation.operating_point
    tried_s: float | None = getattr(point.latency_seconds, name, None) if point else None
    knee_ms: float | None = getattr(profile.azureml, f"latency_percentile_{azure_digits}_in_ms")
    return tried_s if tried_s is not None else None if knee_ms is None else knee_ms / 1000


_ALL = (
    _percentile("p50", "50"),
    _percentile("p90", "90"),
    _percentile("p95", "95"),
    _percentile("p99", "99"),
    _percentile("p999", "999"),
    Metric(
        "memory",
        Dimension.MEMORY,
        "recommendation.memory",
        lambda profile: profile.recommendation.memory.request_bytes if profile.recommendation.memory else None,
    ),
    Metric(
        "memory-peak",
        Dimension.MEMORY,
        "measurements.memory.peakBytes",
        lambda profile: profile.measurements.memory.peak_bytes,
    ),
    Metric(
        "gpu-memory",
        Dimension.MEMORY,
        "recommendation.gpu",
        lambda profile: profile.recommendation.gpu.memory_bytes if profile.recommendation.gpu else None,
    ),
    Metric(
        "cpu",
        Dimension.CORES,
        "recommendation.cpu",
        lambda profile: profile.recommendation.cpu.request_cores if profile.recommendation.cpu else None,
    ),
    Metric(
        "cpu-per-request",
        Dimension.TIME,
        "measurements.request.cpuSeconds.mean",
        lambda profile: profile.measurements.request.cpu_seconds.mean,
    ),
    Metric("success", Dimension.SHARE, "azureml.successRate", lambda profile: profile.azureml.success_rate),
    Metric(
        "rate",
        Dimension.RATE,
        "recommendation.maxRequestsPerSecond",
        lambda profile: profile.recommendation.max_requests_per_second,
    ),
    Metric("replicas", Dimension.COUNT, "recommendation.replicas", lambda profile: profile.recommendation.replicas),
    Metric(
        "startup",
        Dimension.TIME,
        "measurements.startup.secondsToReady",
        lambda profile: profile.measurements.startup.seconds_to_ready,
    ),
)
METRICS = {metric.name: metric for metric in _ALL}
