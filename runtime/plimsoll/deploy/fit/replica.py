"""What the scheduler counts of one replica, and how many replicas a rate needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.gpu.mig import slice_name
from plimsoll.profiling.result.profile import RunnerUpResult

# Against rates, and cores, that differ in the last digit only.
_HAIR = 1e-9


@dataclass(frozen=True, kw_only=True)
class Replica:
    """Requests as Kubernetes adds them up: whole millicores and bytes, whole GPUs or slices (`mig_profile`)."""

    millicores: int
    memory_bytes: int
    gpus: int = 0
    gpu_memory_bytes: int | None = None
    mig_profile: str | None = None


@dataclass(frozen=True)
class Demand:
    """So many of these replicas must be running, whatever `spare_nodes` were lost."""

    replica: Replica
    replicas: int
    rate_rps: float
    spare_nodes: int


def recommended(needs: ReplicaNeeds, guaranteed: bool) -> Replica:
    """A Guaranteed pod requests its limits; a Burstable one the share of CPU that was proved on a full node."""
    gpu = needs.gpu
    return Replica(
        millicores=_millicores(needs.limit_cores if guaranteed else needs.request_cores),
        memory_bytes=needs.limit_bytes if guaranteed else needs.request_bytes,
        gpus=gpu.count if gpu else 0,
        gpu_memory_bytes=gpu.memory_bytes if gpu else None,
        mig_profile=slice_name(gpu.resource) if gpu else None,
    )


def of_runner_up(second: RunnerUpResult, best: Replica) -> Replica:
    """Its GPUs are not in the profile: they count as the best one's."""
    return replace(best, millicores=_millicores(second.request_cores), memory_bytes=second.memory_bytes)


def described(replica: Replica) -> str:
    """`1.25 cores, 256 Mi and 1 GPU`."""
    parts = [counted(replica.millicores / 1000, "core"), f"{math.ceil(replica.memory_bytes / MEBIBYTE)} Mi"]
    if replica.mig_profile is not None:
        parts.append(f"{counted(replica.gpus, 'slice')} {replica.mig_profile}")
    elif replica.gpus:
        size = f" with {replica.gpu_memory_bytes // MEBIBYTE} Mi" if replica.gpu_memory_bytes else ""
        parts.append(f"{counted(replica.gpus, 'GPU')}{size}")
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _millicores(cores: float) -> int:
    """1.1 cores are a little over 1100 millicores in binary."""
    return max(1, math.ceil(cores * 1000 - _HAIR * 1000))
