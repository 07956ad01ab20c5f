"""The measured part of `profile.json`. Seconds, bytes and cores; null where it was not measured.

Curves are what charts are drawn from and profiles compared by; their lists that belong together have the same length:
the n-th entries are one point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from plimsoll.profiling.result.base import TOO_FEW_REQUESTS, CoresUsed, LatencySeconds, LevelMemory, Model
from plimsoll.profiling.result.gpu import GpuMeasurements
from plimsoll.profiling.result.growth import GrowthResult
from plimsoll.profiling.result.stalls import StallResult


class WarmupResult(Model):
    """`spread` is max/min over the last three windows, the widest of throughput, latency and CPU per request.

    It may be wide in a `steady` state, if these went up and down: then it is the machine that is not steady.
    """

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
    `windows` of equal length, each with arrivals of its own, were pooled.
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
    windows: int = 1
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


class PhaseSpan(Model):
    """One phase; seconds since the server was started."""

    name: str
    begin_seconds: float
    end_seconds: float


class Timeline(Model):
    """Cores and memory of the server's tree. `cores` is the mean since the point before.

    `memory_bytes` is for the curve: resident memory, of which what several processes map was taken off in the
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
    """One of the most expensive rows, by CPU or by memory."""

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
    """What was measured, phase by phase.

    `operating_level` is the open-loop level of what is recommended, at the rate that a replica is meant to carry;
    `rate_levels` are the others.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "rate_levels": "no other rate was tried (open loop)",
        "operating_level": "this phase was not run (operating point)",
    }

    startup: StartupResult
    request: RequestResult
    concurrency_levels: list[ConcurrencyLevel]
    rate_levels: list[RateLevelResult] = Field(default_factory=list)
    operating_level: RateLevelResult | None = None
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
    stalls: list[StallResult] = Field(default_factory=list)
    gpu: GpuMeasurements | None = None

    def open_levels(self) -> list[RateLevelResult]:
        """All open-loop levels; that of the operating point last."""
        return [*self.rate_levels, *([self.operating_level] if self.operating_level else [])]

    @model_validator(mode="before")
    @classmethod
    def _name_the_last(cls, content: Any) -> Any:
        """In earlier profiles, which are read as baselines, the list ends with the level of the operating point."""
        levels = content.get("rateLevels") if isinstance(content, Mapping) else None
        if not isinstance(levels, list) or not levels or "operatingLevel" in content:
            return content
        *others, last = levels
        return {**content, "rateLevels": others, "operatingLevel": last}


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
    """CPU and memory by process. The front is the HTTP process and its master; the driver is in no other number."""

    front: ProcessResult
    workers: list[ProcessResult]
    driver: ProcessResult
