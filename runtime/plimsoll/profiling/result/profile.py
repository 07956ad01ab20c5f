"""`profile.json`: the answer in the form that is promised to its readers.

A number that is not known is null, never 0, and `unknown` holds its path and the reason. Times are seconds, sizes
bytes, rates per second, unless the name says otherwise; the block `azureml` keeps Azure's names and units (ms, GB of
10^9 bytes, `successRate` from 0 to 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from plimsoll.contracts.azureml.routes import SCORE
from plimsoll.contracts.names import DEFAULT
from plimsoll.profiling.result.base import TOO_FEW_REQUESTS, TOO_MANY_FAILED, Model
from plimsoll.profiling.result.gpu import GpuRecommendation
from plimsoll.profiling.result.measurements import Measurements, Processes
from plimsoll.profiling.result.verification import Verification
from plimsoll.settings.serving import ServeSettings

_WAITS = {
    "maxQueue": ("--max-queue", 1),
    "scoringTimeoutSeconds": ("--scoring-timeout-ms", 0.001),
    "graceSeconds": ("--grace-seconds", 1),
}
SchemaVersion = Literal["1"]
"""Those that can be read; another one is refused by name, before what it might mean differently."""
Grade = Literal["verified", "soft-verified", "estimated"]


class GateResult(Model):
    """One gate; `held` is null where there was nothing to decide it by, which fails nothing.

    `bound` is what fails the gate. Against a baseline `before` is its number and `change` relative to that.
    """

    kind: Literal["condition", "baseline", "grade"]
    name: str
    held: bool | None
    sentence: str
    measured: str | None = None
    bound: str | None = None
    before: str | None = None
    change: float | None = None


class Azureml(Model):
    """What `ModelProfile.get_details()` of azureml-core named; percentiles and rate are those of the knee level."""

    null_because: ClassVar[Mapping[str, str]] = {
        "requested_cpu": "no upper bound for CPU was given",
        "requested_memory_in_gb": "no upper bound for memory was given",
        "requested_queries_per_second": "no target rate was given",
        "average_latency_in_ms": TOO_MANY_FAILED,
        **{f"latency_percentile_{name[1:]}_in_ms": why for name, why in TOO_FEW_REQUESTS.items()},
    }

    requested_cpu: float | None = None
    requested_memory_in_gb: float | None = None
    requested_queries_per_second: float | None = None
    max_utilized_cpu: float | None = None
    max_utilized_memory_in_gb: float | None = None
    total_queries: int | None = None
    success_queries: int | None = None
    success_rate: float | None = None
    average_latency_in_ms: float | None = None
    latency_percentile_50_in_ms: float | None = None
    latency_percentile_90_in_ms: float | None = None
    latency_percentile_95_in_ms: float | None = None
    latency_percentile_99_in_ms: float | None = None
    latency_percentile_999_in_ms: float | None = None
    measured_queries_per_second: float | None = None
    recommended_cpu: float | None = None
    recommended_memory_in_gb: float | None = None


class CpuRecommendation(Model):
    """Cores for one replica."""

    request_cores: float
    limit_cores: float
    reason: str


class MemoryRecommendation(Model):
    """Bytes for one replica."""

    request_bytes: int
    limit_bytes: int
    reason: str


class OperatingLatency(Model):
    """Latency at the operating point, from the instant a request was due."""

    null_because: ClassVar[Mapping[str, str]] = TOO_FEW_REQUESTS | {"max": TOO_MANY_FAILED}

    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None


class OperatingPoint(Model):
    """The rate that one replica is meant to carry, and the share of its capacity that this is."""

    requests_per_second: float
    utilisation: float
    latency_seconds: OperatingLatency = OperatingLatency()


class RunnerUpResult(Model):
    """The second-best configuration, and its price relative to the best (8 GB at the price of a core)."""

    null_because: ClassVar[Mapping[str, str]] = {
        "max_batch_size": "the script alone decides, or takes single calls",
        "replicas": "no target rate was given",
    }

    workers: int
    threads: int = 1
    max_batch_size: int | None = None
    request_cores: float
    memory_bytes: int
    max_requests_per_second: float
    replicas: int | None
    price_ratio: float
    reason: str


class Recommendation(Model):
    """What to write into the deployment. `max_requests_per_second` is the rate beyond which waits grow long."""

    null_because: ClassVar[Mapping[str, str]] = {
        "environment": "",
        "runner_up": "no other configuration of the server was tried, or none kept its rate",
    }

    cpu: CpuRecommendation | None = None
    memory: MemoryRecommendation | None = None
    gpu: GpuRecommendation | None = None
    workers: int
    threads: int
    max_batch_size: int | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    max_requests_per_second: float | None = None
    replicas: int | None = None
    operating_point: OperatingPoint | None = None
    runner_up: RunnerUpResult | None = None

    def reasons(self) -> list[str]:
        """A sentence for each answer that there is."""
        against_cpu = self.gpu.against_cpu if self.gpu else None
        answers = (self.cpu, self.memory, self.gpu, self.runner_up, against_cpu)
        return [answer.reason for answer in answers if answer]


class ProfileError(Model):
    """Why the run failed or, with state Succeeded, what part of it did."""

    null_because: ClassVar[Mapping[str, str]] = {"details": ""}

    code: str
    message: str
    exit_code: int
    details: list[str] = Field(default_factory=list)


# Of earlier profiles, which are read as baselines.
_FORMER = {"spinSecondsBefore", "spinSecondsAfter", "stolenShare"}


class HostInfo(Model):
    """The machine."""

    null_because: ClassVar[Mapping[str, str]] = {
        "cpu_limit_cores": "no CPU quota is set",
        "memory_limit_bytes": "no memory limit is set",
        "cgroup_version": "no control group was found",
        "cpu_model": "the kernel does not name it",
        "server_cpus": "not pinned",
        "driver_cpus": "not pinned",
    }

    cpu_model: str | None
    logical_cpus: int
    allowed_cpus: list[int]
    cpu_limit_cores: float | None
    usable_cores: float
    server_cpus: list[int] | None
    driver_cpus: list[int] | None
    memory_total_bytes: int
    memory_limit_bytes: int | None
    cgroup_version: int | None
    kernel: str
    python: str

    @model_validator(mode="before")
    @classmethod
    def _leave_out_former(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        return {key: value for key, value in content.items() if key not in _FORMER}


class DatasetInfo(Model):
    """The requests that were read; `distinct` leaves out repetitions, `bytes` counts bodies."""

    path: str
    rows: int
    distinct: int
    bytes: int
    largest_bytes: int
    content_types: dict[str, int]


class RecordedArrivals(Model):
    """Whose gaps and order the open loop replays, and the mean rate at which those requests once came."""

    requests: int
    seconds: float
    requests_per_second: float


class DriverInfo(Model):
    """How load was made, and what the driver can do against a server that does nothing."""

    null_because: ClassVar[Mapping[str, str]] = {"recording": "requests fall due at random instants"}

    kind: str = "closed loop, one keep-alive connection per request in flight; open loop with Poisson arrivals"
    recording: RecordedArrivals | None = None
    most_requests_per_second: float | None = None
    cpu_seconds_per_request: float | None = None
    seed: int
    request_timeout_seconds: float
    warmup_windows: int
    capacity_stopped: str


class SettingsInfo(Model):
    """The settings of this run that its numbers depend on.

    `server_arguments` are those that were not given by variables. What follows is as the server will use it, wherever
    it came from: how many calls may wait, how long one may run, and how long a stop waits for it. `contract` is what
    was spoken, `scoring_route` what metrics call the route, and `contract_variables` make a server speak the same.
    """

    null_because: ClassVar[Mapping[str, str]] = {"server_arguments": "", "*": "not given"}

    budget_seconds: float
    server_arguments: list[str]
    target_requests_per_second: float | None
    max_cpu_cores: float | None
    max_memory_gb: float | None
    slo: str | None = None
    workers: int
    threads: int
    max_queue: int = ServeSettings.max_queue
    scoring_timeout_seconds: float = ServeSettings.scoring_timeout_ms / 1000
    grace_seconds: float = ServeSettings.grace_seconds
    contract: str = DEFAULT
    scoring_route: str = SCORE
    contract_variables: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _take_from_arguments(cls, content: Any) -> Any:
        """Earlier files have these three as flags only, and only where they were given; the last one counts."""
        if not isinstance(content, Mapping):
            return content
        given = content.get("serverArguments", ())
        flags = dict(pairwise(given)) if isinstance(given, list) else {}
        found = {key: (flag, scale) for key, (flag, scale) in _WAITS.items() if flag in flags and key not in content}
        return {**content, **{key: float(flags[flag]) * scale for key, (flag, scale) in found.items()}}


class Profile(Model):
    """Everything that one run found; the file is this object."""

    null_because: ClassVar[Mapping[str, str]] = {
        "error": "",
        "description": "",
        "warnings": "",
        "gates": "",
        "unknown": "",
    }

    schema_version: SchemaVersion = "1"
    name: str
    description: str | None
    state: Literal["Succeeded", "Failed"]
    created_time: str
    elapsed_seconds: float
    error: ProfileError | None
    grade: Grade = "estimated"
    grade_reasons: list[str]
    warnings: list[str]
    azureml: Azureml
    recommendation: Recommendation
    measurements: Measurements
    processes: Processes
    verification: Verification | None = None
    host: HostInfo
    dataset: DatasetInfo
    driver: DriverInfo
    settings: SettingsInfo
    gates: list[GateResult] = Field(default_factory=list)
    unknown: dict[str, str] = Field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 answered, else the code of what went wrong: 4 when any row failed."""
        return 0 if self.error is None else self.error.exit_code

    def get_details(self) -> dict[str, Any]:
        """Azure's flat result: names, units and keys of azureml-core, unknown ones left out."""
        head = {"name": self.name, "description": self.description, "state": self.state}
        error = None if self.error is None else {"code": self.error.code, "message": self.error.message}
        values = head | {"createdTime": self.created_time, "error": error} | self.azureml.model_dump(by_alias=True)
        return {key: value for key, value in values.items() if value is not None}
