"""What one replica needs, as its profile proved it: all that manifests, fits and plans are made from."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from plimsoll.errors import UsageError
from plimsoll.profiling.result.files import read_profile
from plimsoll.profiling.result.gpu import GpuRecommendation
from plimsoll.profiling.result.profile import Grade, Profile

# Against rates that differ in the last digit only.
_HAIR = 1e-9
_MOST = 1e15
"""Of whatever a profile counts: bytes are what there may be most of, and this is a petabyte."""
_GRADES: tuple[Grade, ...] = get_args(Grade)


@dataclass(frozen=True, kw_only=True)
class ReplicaNeeds:
    """Cores, bytes, seconds and requests/s of one replica.

    `rate_rps` is the rate at which its limits were proved; what it could carry at most, `most_rps`, may be higher
    where the profile was made for a target rate. `digest` names the file: SHA-256 in hexadecimal digits.
    """

    profile_name: str
    created_time: str
    grade: Grade
    digest: str
    request_cores: float
    limit_cores: float
    request_bytes: int
    limit_bytes: int
    gpu: GpuRecommendation | None
    workers: int
    threads: int
    max_batch_size: int | None
    environment: Mapping[str, str]
    rate_rps: float
    most_rps: float
    used_cores: float
    seconds_to_ready: float
    startup_cpu_s: float
    longest_call_s: float
    p99_s: float | None
    cpu_model: str | None

    @property
    def slots(self) -> int:
        """Calls that run at once."""
        return self.workers * self.threads

    def replicas_for(self, target_rps: float) -> int:
        """So many that each gets no more than the rate at which its limits were proved."""
        return max(1, math.ceil(target_rps / self.rate_rps - _HAIR))


def read_needs(path: Path, require: Grade = "estimated") -> tuple[ReplicaNeeds, Profile]:
    """Raises UsageError where the profile failed, recommends nothing, or has a lower grade than is required."""
    profile = read_profile(path, "--profile")
    _check(profile, path, require)
    return _needs(profile, path), profile


def _check(profile: Profile, path: Path, require: Grade) -> None:
    if profile.state != "Succeeded":
        why = profile.error.message if profile.error else "no reason is given"
        raise UsageError(f"--profile {path}: that profile failed: {why}", remedy="mend the cause and profile again")
    if _GRADES.index(profile.grade) > _GRADES.index(require):
        raise UsageError(
            f"--profile {path}: its grade is {profile.grade}, and --require asks for {require}",
            remedy=f"profile again, or require one of {', '.join(_GRADES[_GRADES.index(profile.grade) :])}",
        )


def _needs(profile: Profile, path: Path) -> ReplicaNeeds:
    advice, measured = profile.recommendation, profile.measurements
    cpu, memory, point = advice.cpu, advice.memory, advice.operating_point
    most_rps, level = advice.max_requests_per_second, measured.operating_level
    if cpu is None or memory is None or point is None or most_rps is None or level is None:
        raise UsageError(f"--profile {path}: it recommends no CPU and memory", remedy="profile with a longer --budget")
    slowest_s = [row.latency_seconds for row in measured.rows.heaviest]
    needs = ReplicaNeeds(
        profile_name=profile.name,
        created_time=profile.created_time,
        grade=profile.grade,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        request_cores=cpu.request_cores,
        limit_cores=cpu.limit_cores,
        request_bytes=memory.request_bytes,
        limit_bytes=memory.limit_bytes,
        gpu=advice.gpu,
        workers=advice.workers,
        threads=advice.threads,
        max_batch_size=advice.max_batch_size,
        environment=advice.environment,
        rate_rps=point.requests_per_second,
        most_rps=most_rps,
        used_cores=level.cores_used.mean,
        seconds_to_ready=measured.startup.seconds_to_ready or 0.0,
        startup_cpu_s=measured.startup.cpu_seconds or 0.0,
        longest_call_s=max(
            *slowest_s, measured.startup.first_request_seconds or 0.0, level.latency_seconds.max or 0.0, 0.0
        ),
        p99_s=level.latency_seconds.p99,
        cpu_model=profile.host.cpu_model,
    )
    _check_figures(needs, path)
    return needs


def _check_figures(needs: ReplicaNeeds, path: Path) -> None:
    """A file that was edited, or written by something else, may have what no profiler measures."""
    positive = {
        "recommendation.cpu.requestCores": needs.request_cores,
        "recommendation.cpu.limitCores": needs.limit_cores,
        "recommendation.memory.requestBytes": needs.request_bytes,
        "recommendation.memory.limitBytes": needs.limit_bytes,
        "recommendation.operatingPoint.requestsPerSecond": needs.rate_rps,
        "recommendation.maxRequestsPerSecond": needs.most_rps,
        "recommendation.workers": needs.workers,
        "recommendation.threads": needs.threads,
        "recommendation.maxBatchSize": 1 if needs.max_batch_size is None else needs.max_batch_size,
        "recommendation.gpu.count": needs.gpu.count if needs.gpu else 1,
    }
    measured = {
        "measurements.operatingLevel.coresUsed.mean": needs.used_cores,
        "measurements.operatingLevel.latencySeconds.p99": needs.p99_s or 0.0,
        "measurements.startup.secondsToReady": needs.seconds_to_ready,
        "measurements.startup.cpuSeconds": needs.startup_cpu_s,
    }
    for name, figure in {**positive, **measured}.items():
        if not 0 <= figure <= _MOST or (name in positive and not figure):
            allowed = "above 0" if name in positive else "of 0 or more"
            raise UsageError(f"--profile {path}: {name} = {figure}: not a number {allowed}", remedy="profile again")
    for resource, asked, limit in (
        ("cpu", needs.request_cores, needs.limit_cores),
        ("memory", needs.request_bytes, needs.limit_bytes),
    ):
        if asked > limit * (1 + _HAIR):
            raise UsageError(
                f"--profile {path}: recommendation.{resource}: the request of {asked:g} is above the limit of"
                f" {limit:g}",
                remedy="profile again",
            )
