"""Verification in `profile.json`: the recommended limits, and what the server did inside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from plimsoll.profiling.result.base import LatencySeconds, Model

Method = Literal["cgroup v1", "cgroup v2", "container", "affinity"]
Kind = Literal["search", "limit", "request"]

_NO_GROUP = "no control group enforced the limits"


class Limits(Model):
    """CPU quota in cores and memory limit in bytes."""

    null_because: ClassVar[Mapping[str, str]] = {"memory_bytes": "in search of the CPU limit memory was not limited"}

    cpu_cores: float
    memory_bytes: int | None


class Tightness(Model):
    """Measured need over recommendation: near 1 is tight, far below fat."""

    null_because: ClassVar[Mapping[str, str]] = {"*": "the needs were measured in another run"}

    cpu: float | None
    memory: float | None


class VerificationAttempt(Model):
    """One trial. `throttled_share` is of the periods of 100 ms under load, `memory_peak_bytes` of what was charged.

    `kind`: `search` tried a quota on a server that was not limited otherwise, `limit` the recommended quota, `request`
    beside a competitor that took every CPU second which a share of `weight_cores` left to it. Charged memory includes
    file cache, which the kernel gives back before it kills; without a control group it is the memory that the
    processes held. In a trial of the request `elsewhere_cores` includes the competitor.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "failures": "nothing failed",
        "weight_cores": "no competitor wanted the same CPUs",
        "throttled_share": _NO_GROUP,
        "throttled_seconds": _NO_GROUP,
        "oom_kills": _NO_GROUP,
        "*": "the trial did not come so far, or too few requests were made",
    }

    kind: Kind = "limit"
    limits: Limits
    weight_cores: float | None = None
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
    """The same arrivals without limits and within; `p99_ratio` is limited over unlimited.

    `full_node` is beside the competitor, with the share of the request.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "full_node_p95_seconds": "the request was not tried on a full node, or too few requests were made",
        "full_node_p99_seconds": "the request was not tried on a full node, or too few requests were made",
        "*": "too few requests were made in the time",
    }

    target_requests_per_second: float
    seconds: float
    unlimited_p95_seconds: float | None
    unlimited_p99_seconds: float | None
    limited_p95_seconds: float | None
    limited_p99_seconds: float | None
    full_node_p95_seconds: float | None = None
    full_node_p99_seconds: float | None = None
    p95_ratio: float | None
    p99_ratio: float | None
    tightness: Tightness


class Verification(Model):
    """`affinity` means that only the number of CPUs was enforced and memory was watched.

    `limits` and `request_cores` are those of the trial that decided; the limits may be lower than the recommended ones,
    where the request was raised above them. `why_no_competitor` says why the request was not tried on a full node.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "why_not_enforced": "the limits were enforced",
        "why_no_competitor": "the request was tried on a full node, or the limit did not hold",
        "request_cores": "the request was not tried on a full node",
    }

    method: Method
    why_not_enforced: str | None
    limits: Limits
    request_cores: float | None = None
    why_no_competitor: str | None = None
    passed: bool
    attempts: list[VerificationAttempt]
    evidence: Evidence

    @property
    def why_all_cores(self) -> str | None:
        """Where a request was refuted on a full node, and raised to what leaves nothing to others."""
        last = self.attempts[-1] if self.attempts else None
        if self.why_no_competitor is None or last is None or last.weight_cores is None:
            return None
        return f"on a full node a request of {last.weight_cores:g} cores was too small, so it is all the CPU there is"
