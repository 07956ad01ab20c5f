"""Levels, growth and curves in `profile.json`. Seconds, bytes and cores; null where it was not measured.

Curves are what charts are drawn from and profiles compared by; their lists that belong together have the same length:
the n-th entries are one point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from plimsoll.profiling.result.base import TOO_FEW_REQUESTS, CoresUsed, LatencySeconds, LevelMemory, Model


class LatenessSeconds(Model):
    """How long after the instant it was due the driver sent a request; part of every latency of the level."""

    null_because: ClassVar[Mapping[str, str]] = TOO_FEW_REQUESTS

    p50: float | None
    p99: float | None
    max: float | None


class RateLevelResult(Model):
    """Requests at random instants (Poisson); latency counts from the instant a request was due.

    `target_requests_per_second` is the rate of the arrivals, `requests_per_second` the successes. `cpus` is how many
    CPUs the server could use. With `queue_growing` the rate is too high to last; with `driver_limited` the driver
    was late and the latencies are too long. `slo_met` is null where no SLO was given or too few requests decide it.
    """

    null_because: ClassVar[Mapping[str, str]] = {"capacity_share": "the capacity is not known"}

    target_requests_per_second: float
    requests_per_second: float
    capacity_share: float | None
    cpus: int
    requests: int
    offered: int
    successes: int
    outcomes: dict[str, int]
    seconds: float
    latency_seconds: LatencySeconds
    lateness_seconds: LatenessSeconds
    in_flight_mean: float
    in_flight_max: int
    queue_growing: bool
    driver_limited: bool
    slo_met: bool | None
    cpu_seconds_per_request: float
    cores_used: CoresUsed
    memory: LevelMemory
    driver_cores: float
    elsewhere_cores: float


class CpuLevelResult(Model):
    """The server on so many CPUs, its numerical libraries with as many threads; `chosen` is the recommended size.

    `method` says how it was held to them: by the CPUs that it may run on, or by a quota on all of them. `efficiency`
    is throughput per CPU against the smallest size.
    """

    cpus: float
    method: Literal["affinity", "quota"]
    connections: int
    requests_per_second: float
    latency_seconds: LatencySeconds
    cpu_seconds_per_request: float
    cores_used: CoresUsed
    efficiency: float
    seconds_to_ready: float
    chosen: bool


class BatchLevelResult(Model):
    """Closed loop with so many connections: calls per batch and seconds inside run() per batch, both means."""

    connections: int
    batches: int
    batch_size: float
    run_seconds: float
    requests_per_second: float


class BatchFitResult(Model):
    """run() takes `secondsPerCall` · b + `secondsPerBatch` for b calls; `bestSize` is the size worth collecting."""

    seconds_per_call: float
    seconds_per_batch: float
    largest_size: int
    best_size: int


class GrowthResult(Model):
    """Whether memory grows with every request: the median slope, its 95 % interval, and what it rests on."""

    null_because: ClassVar[Mapping[str, str]] = {
        "seconds_to_limit": "memory does not grow with every request",
        "*": "the kernel does not tell the memory of the processes",
    }

    verdict: Literal["none", "saturating", "growing", "unresolved"] | None = None
    bytes_per_1000_requests: float | None = None
    lower_bytes_per_1000_requests: float | None = None
    upper_bytes_per_1000_requests: float | None = None
    readings: int | None = None
    requests: int | None = None
    seconds_to_limit: float | None = None


class PhaseSpan(Model):
    """One phase; seconds since the server was started."""

    name: str
    begin_seconds: float
    end_seconds: float


class Timeline(Model):
    """Cores and memory of the server's tree. `cores` is the mean since the point before.

    `memory_bytes` is for the shape: resident memory, of which what several processes map was taken off in the
    proportion of the last exact reading. The exact figures are in `memory` and in the levels. `gpu_memory_bytes`
    is what was in use on the GPUs above what it was before the start; empty where none was watched.
    """

    phases: list[PhaseSpan] = Field(default_factory=list)
    seconds: list[float] = Field(default_factory=list)
    cores: list[float] = Field(default_factory=list)
    memory_bytes: list[int] = Field(default_factory=list)
    gpu_memory_bytes: list[int] = Field(default_factory=list)


class LatencyCurve(Model):
    """`shares[n]` of the `requests` took at most `seconds[n]`; successful ones of one level, all windows pooled."""

    connections: int
    requests: int
    shares: list[float]
    seconds: list[float]


class RowCosts(Model):
    """What rows cost alone on the server: all of them or, of many, some spread evenly over the sizes of the bodies."""

    rows: list[int] = Field(default_factory=list)
    body_bytes: list[int] = Field(default_factory=list)
    cpu_seconds: list[float] = Field(default_factory=list)


class LevelWindows(Model):
    """The windows of one level, one by one: their spread is the interval of what is stated as a mean."""

    connections: int
    requests_per_second: list[float]
    cpu_seconds_per_request: list[float]
