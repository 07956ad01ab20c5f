"""The parts of `profile.json` about GPUs. Bytes, watts and shares from 0 to 1; null where it was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from plimsoll.profiling.result.base import Model
from plimsoll.profiling.result.growth import GrowthResult


class GpuUtilisation(Model):
    """Share of the time under load in which any kernel was resident: says whether it idles, not how full it is.

    Not known on a MIG slice.
    """

    mean: float | None = None
    max: float | None = None


class GpuPower(Model):
    """Watts, over all phases under load."""

    mean: float | None = None
    max: float | None = None


class GpuDeviceResult(Model):
    """One device, or slice of one. `baseline_bytes` is before the server started, `peak_bytes` all that was in use.

    `delta_bytes` is what of it was the server's, by `method`; `throttling` the share of the readings under load that
    saw the clocks held down, by reason.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "throttling": "",
        "other_processes": "the driver does not list processes",
        "*": "the driver does not report it, as on a MIG slice, or there was no load",
    }

    def why_null(self, name: str) -> str | None:
        """Whose memory it is may not be known."""
        return self.method_reason if name in ("delta_bytes", "method") else super().why_null(name)

    index: int
    uuid: str
    name: str
    is_mig_slice: bool
    total_bytes: int | None
    baseline_bytes: int | None
    peak_bytes: int | None = None
    delta_bytes: int | None = None
    method: Literal["device", "processes", "allocator"] | None = None
    method_reason: str
    other_processes: int | None = None
    utilisation: GpuUtilisation = GpuUtilisation()
    power_watts: GpuPower = GpuPower()
    hottest_celsius: float | None = None
    throttling: dict[str, float] = Field(default_factory=dict)


class GpuMeasurements(Model):
    """The GPUs that the server may use.

    `held_bytes` is what it takes of one if it may, `needed_bytes` what it gets by with; they differ where a framework
    takes the card as a whole (`preallocates`). `allocator_peak_bytes` is the framework's own count in the
    worker that took most. `growth` is of the memory in use on all of them. The polling is the profiler's work and in no
    figure of the server.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "devices": "no reading came from it while a server ran",
        "allocator_peak_bytes": "no framework that counts (PyTorch, TensorFlow, JAX) said anything",
        "polls_per_second": "the run was too short for it",
        "growth": "the driver does not report the memory in use",
    }

    driver_version: str | None
    devices: list[GpuDeviceResult]
    held_bytes: int | None = None
    needed_bytes: int | None = None
    preallocates: bool | None = None
    allocator_peak_bytes: int | None = None
    growth: GrowthResult | None = None
    polls: int
    polls_per_second: float | None = None
    poll_cpu_seconds: float


class GpuAgainstCpu(Model):
    """What a million requests cost on either, in hours of one vCPU; a GPU counts as `price_ratio` vCPUs."""

    recommended: Literal["gpu", "cpu"]
    price_ratio: float
    gpu_vcpu_hours_per_million: float
    cpu_vcpu_hours_per_million: float
    reason: str


class GpuRecommendation(Model):
    """GPUs for one replica. `memory_bytes` is for each; `mig_profile` the smallest slice with room for it."""

    null_because: ClassVar[Mapping[str, str]] = {
        "against_cpu": "no profile of the same model on CPUs was given (--cpu-profile)"
    }

    def why_null(self, name: str) -> str | None:
        """Here the reasons depend on the run, so they are fields of their own."""
        if name == "mig_profile" and self.memory_bytes is not None:
            return self.mig_reason
        return self.reason if name == "*" else super().why_null(name)

    count: int
    memory_bytes: int | None
    fraction: float | None
    mig_profile: str | None
    mig_reason: str
    resource: str
    reason: str
    against_cpu: GpuAgainstCpu | None = None


def mig_resource(profile: str) -> str:
    """What Kubernetes, which allows no plus, calls a slice where the device plugin has the strategy `mixed`."""
    return f"nvidia.com/mig-{profile.replace('+', '.')}"
