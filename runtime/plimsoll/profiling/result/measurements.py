"""The measured part of `profile.json`. Seconds, bytes and cores; null where it was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from plimsoll.profiling.result.base import CoresUsed, LatencySeconds, LevelMemory, Model
from plimsoll.profiling.result.gpu import GpuMeasurements
from plimsoll.profiling.result.levels import (
    BatchFitResult,
    BatchLevelResult,
    CpuLevelResult,
    GrowthResult,
    LatencyCurve,
    LevelWindows,
    RateLevelResult,
    RowCosts,
    Timeline,
)


class WarmupResult(Model):
    """`spread` is max/min over the last three windows, the widest of throughput, latency and CPU per request."""

    null_because: ClassVar[Mapping[str, str]] = {"spread": "a window without a single answer"}

    steady: bool
    windows: int
    requests: int
    seconds: float
    spread: float | None


class StartupResult(Model):
    """From the start of the process to the first 200 of `/health/ready`; then the first request and the warm-up."""

    seconds_to_ready: float | None = None
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    ready_memory_bytes: int | None = None
    first_request_seconds: float | None = None
    warmup: WarmupResult | None = None


class RequestCpuSeconds(Model):
    """`mean` under load at the knee; the rest over the rows of the dataset, each alone on the server."""

    null_because: ClassVar[Mapping[str, str]] = {"upper_bound": "needs three windows of load"}

    mean: float | None = None
    upper_bound: float | None = None
    p50: float | None = None
    p95: float | None = None
    max: float | None = None


class RequestResult(Model):
    """One request; latency with one request in flight."""

    cpu_seconds: RequestCpuSeconds
    latency_seconds: LatencySeconds


class ConcurrencyLevel(Model):
    """Closed loop with a number of connections. `little_ratio` is throughput · latency / connections, 1 when sound."""

    connections: int
    requests: int
    successes: int
    outcomes: dict[str, int]
    seconds: float
    requests_per_second: float
    latency_seconds: LatencySeconds
    cpu_seconds_per_request: float
    cores_used: CoresUsed
    memory: LevelMemory
    whole_passes: bool
    driver_cores: float
    elsewhere_cores: float
    little_ratio: float | None


class MemoryResult(Model):
    """The server's tree over the whole run; what several processes map is counted once.

    `pss_bytes` is as in the levels. W workers take about `shared_bytes` + W · `per_worker_private_bytes`.
    """

    null_because: ClassVar[Mapping[str, str]] = {"per_in_flight_bytes": "needs three levels of concurrency"}

    peak_bytes: int | None = None
    pss_bytes: int | None = None
    high_water_sum_bytes: int | None = None
    per_worker_private_bytes: int | None = None
    shared_bytes: int | None = None
    per_in_flight_bytes: int | None = None
    swap_bytes: int | None = None
    shared_memory_files_bytes: int | None = None


class FailedRow(Model):
    """`row` is the line of the dataset, counted from 1; `outcome` the HTTP status, or why there was none."""

    null_because: ClassVar[Mapping[str, str]] = {"name": ""}

    row: int
    name: str | None
    outcome: str
    latency_seconds: float
    failures_under_load: int


class HeavyRow(Model):
    """One of the dearest rows by CPU or by memory."""

    null_because: ClassVar[Mapping[str, str]] = {"name": ""}

    row: int
    name: str | None
    body_bytes: int
    latency_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int | None


class RowsResult(Model):
    """The rows of the dataset; `measured` is how many were sent one at a time."""

    null_because: ClassVar[Mapping[str, str]] = {"failed": ""}

    count: int
    distinct: int
    measured: int
    failed: list[FailedRow]
    heaviest: list[HeavyRow]


class Measurements(Model):
    """What was measured, phase by phase."""

    null_because: ClassVar[Mapping[str, str]] = {"rate_levels": "this phase was not run (open loop)"}

    startup: StartupResult
    request: RequestResult
    concurrency_levels: list[ConcurrencyLevel]
    rate_levels: list[RateLevelResult] = Field(default_factory=list)
    cpu_levels: list[CpuLevelResult] = Field(default_factory=list)
    batch_levels: list[BatchLevelResult] = Field(default_factory=list)
    batch_fit: BatchFitResult | None = None
    memory: MemoryResult
    growth: GrowthResult = GrowthResult()
    rows: RowsResult
    timeline: Timeline = Timeline()
    latency_curves: list[LatencyCurve] = Field(default_factory=list)
    row_costs: RowCosts = RowCosts()
    level_windows: list[LevelWindows] = Field(default_factory=list)
    gpu: GpuMeasurements | None = None

    @property
    def operating_level(self) -> RateLevelResult | None:
        """The open-loop level at the rate that a replica is meant to carry: the list ends with it."""
        return self.rate_levels[-1] if self.rate_levels else None


class ProcessMemoryResult(Model):
    """At the end of the load; `pss_bytes` is this process's part of what it shares with anybody."""

    pss_bytes: int
    private_bytes: int
    peak_bytes: int


class ProcessResult(Model):
    """CPU over all capacity levels; at the knee, its part of the CPU that one request costs."""

    cpu_seconds: float | None = None
    cpu_seconds_per_request: float | None = None
    memory: ProcessMemoryResult | None = None


class Processes(Model):
    """Who used what: the front is the HTTP process and its master, the driver is ours and counts nowhere else."""

    front: ProcessResult
    workers: list[ProcessResult]
    driver: ProcessResult
