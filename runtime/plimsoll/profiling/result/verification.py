"""Verification in `profile.json`: the recommended limits, and what the server did inside them."""

from __future__ import annotations

from typing import Literal

from plimsoll.profiling.result.base import LatencySeconds, Model


class Limits(Model):
    """CPU quota in cores and memory limit in bytes."""

    cpu_cores: float
    memory_bytes: int


class Tightness(Model):
    """Measured need over recommendation: near 1 is tight, far below fat."""

    cpu: float | None
    memory: float | None


class VerificationAttempt(Model):
    """One trial. `throttled_share` is of the periods of 100 ms under load, `memory_peak_bytes` of what was charged.

    Charged memory includes file cache, which the kernel gives back before it kills; without a control group it is
    the memory that the processes held.
    """

    limits: Limits
    passed: bool
    failures: list[str]
    seconds_to_ready: float | None
    requests: int | None
    successes: int | None
    requests_per_second: float | None
    latency_seconds: LatencySeconds
    cores_used: float | None
    throttled_share: float | None
    throttled_seconds: float | None
    oom_kills: int | None
    memory_peak_bytes: int | None
    elsewhere_cores: float | None


class Evidence(Model):
    """The same arrivals without limits and within; `p99_ratio` is limited over unlimited."""

    target_requests_per_second: float
    seconds: float
    unlimited_p95_seconds: float | None
    unlimited_p99_seconds: float | None
    limited_p95_seconds: float | None
    limited_p99_seconds: float | None
    p95_ratio: float | None
    p99_ratio: float | None
    tightness: Tightness


class Verification(Model):
    """`affinity` means that only the number of CPUs was enforced and memory was watched."""

    method: Literal["cgroup v1", "cgroup v2", "container", "affinity"]
    why_not_enforced: str | None
    limits: Limits
    passed: bool
    attempts: list[VerificationAttempt]
    evidence: Evidence
