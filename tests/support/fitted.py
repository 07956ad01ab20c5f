"""Made-up profiles that a deployment can be made from: one replica carries 50 requests/s on 1.25 cores and 192 Mi."""

from __future__ import annotations

from typing import Any

from plimsoll.profiling.result.profile import Profile
from support.finished import LATENCY, verified_profile
from support.operated import changed, open_level, operated

RATE_RPS = 50.0
LEVEL = open_level(RATE_RPS, LATENCY | {"p50": 0.010, "p90": 0.015, "p95": 0.020, "p99": 0.030})
RUNNER_UP = {
    "workers": 4, "threads": 1, "maxBatchSize": None, "requestCores": 3.0, "memoryBytes": 1 << 30,
    "maxRequestsPerSecond": 150.0, "replicas": 1, "priceRatio": 1.4, "reason": "It is next.",
}  # fmt: skip


def deployable(advice: dict[str, Any] | None = None, cpu_model: str = "A CPU", **changes: Any) -> Profile:
    """`advice` replaces parts of the recommendation; the target of the profile is 150 requests/s."""
    whole = verified_profile()
    host = whole.host.model_dump(by_alias=True) | {"cpuModel": cpu_model}
    return changed(operated(whole, LEVEL, RATE_RPS / 0.6, **(advice or {})), **{"host": host} | changes)


def on_gpu(name: str, memory_bytes: int = 4 << 30, resource: str = "nvidia.com/gpu", count: int = 1) -> Profile:
    """The same on GPUs of this name."""
    needed = {"count": count, "memoryBytes": memory_bytes, "fraction": 0.05, "migProfile": None, "migReason": "none"}
    device = {"index": 0, "uuid": "GPU-0", "name": name, "isMigSlice": False, "totalBytes": 80 << 30}
    device |= {"baselineBytes": 0, "methodReason": "alone"}
    gpu = {"driverVersion": "580", "devices": [device], "polls": 10, "pollCpuSeconds": 0.1}
    made = deployable({"gpu": needed | {"resource": resource, "reason": "It needs it."}})
    return changed(made, measurements=made.measurements.model_dump(by_alias=True) | {"gpu": gpu})
