"""Verification in `profile.json`: the recommended limits, and what the server did inside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from plimsoll.profiling.result.base import LatencySeconds, Model

_NO_GROUP = "no control group enforced the limits"


class Limits(Model):
    """CPU quota in cores and memory limit in bytes."""

    cpu_cores: float
    memory_bytes: int


class Tightness(Model):
    """Measured need over recommendation: near 1 is tight, far below fat."""

    null_because: ClassVar[Mapping[str, str]] = {"*": "the needs were measured in another run"}

    cpu: float | None
    memory: float | None


class VerificationAttempt(Model):
    """One trial. `throttled_share` is of the periods of 100 ms under load, `memory_peak_bytes` of what was charged.

    Charged memory includes file cache, which the kernel gives back before it kills; without a control group it is
    the memory that the processes held.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "failures": "nothing failed",
        "throttled_share": _NO_GROUP,
        "throttled_seconds": _NO_GROUP,
        "oom_kills": _NO_GROUP,
        "*": "the trial did not come so far, or too few requests were made",
    }

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

    null_because: ClassVar[Mapping[str, str]] = {"*": "too few requests were made in the time"}

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

    null_because: ClassVar[Mapping[str, str]] = {"why_not_enforced": "the limits were enforced"}

    method: Literal["cgroup v1", "cgroup v2", "container", "affinity"]
    why_not_enforced: str | None
    limits: Limits
    passed: bool
    attempts: list[VerificationAttempt]
    evidence: Evidence
