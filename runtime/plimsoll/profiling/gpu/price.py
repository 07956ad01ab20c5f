"""GPU or not? The same requests on either, by what a million of them cost and by the latency that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plimsoll.errors import UsageError
from plimsoll.profiling.advice.configuration import price_cores
from plimsoll.profiling.advice.cpu import plain_rate
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.gpu.mig import card_share
from plimsoll.profiling.result.files import read_profile
from plimsoll.profiling.result.gpu import GpuAgainstCpu
from plimsoll.profiling.result.profile import Profile

_MILLION_PER_HOUR = 1e6 / 3600


@dataclass(frozen=True, slots=True)
class CpuRival:
    """A profile of the same model on CPUs; one GPU costs as much as `price_ratio` vCPUs."""

    profile: Profile
    price_ratio: float
    slo: Slo | None = None

    def amend(self, found: Profile) -> Profile:
        """The profile with the comparison; where none can be made a warning says why."""
        gpu = found.recommendation.gpu
        why_not = self._why_not(found)
        if gpu is None or why_not:
            return found.model_copy(update={"warnings": [*found.warnings, why_not]}) if why_not else found
        gpu = gpu.model_copy(update={"against_cpu": self._against(found)})
        advice = found.recommendation.model_copy(update={"gpu": gpu})
        unknown = {path: why for path, why in found.unknown.items() if path != "recommendation.gpu.againstCpu"}
        return found.model_copy(update={"recommendation": advice, "unknown": unknown})

    def _why_not(self, found: Profile) -> str:
        ours, theirs = found.dataset, self.profile.dataset
        if found.recommendation.gpu is None:
            return "" if found.state == "Failed" else "no GPU was used that the CPUs could be compared with"
        if found.recommendation.max_requests_per_second is None:
            return "without a rate on the GPU its cost cannot be compared"
        if (ours.rows, ours.bytes) != (theirs.rows, theirs.bytes):
            return "the CPU profile was measured with another dataset: costs are not compared"
        return ""

    def _against(self, found: Profile) -> GpuAgainstCpu:
        gpu_hours, cpu_hours = self._hours(found), self._hours(self.profile)
        only = self._only_one_that_keeps(found)
        better = only or ("gpu" if gpu_hours < cpu_hours else "cpu")
        on_gpu, on_cpus = plain_rate(gpu_hours), plain_rate(cpu_hours)
        costs = f"a million requests cost {on_gpu} vCPU hours on the GPU, {on_cpus} on CPUs"
        because = f"; only the {only.upper()} meets {self.slo}" if only else ""
        return GpuAgainstCpu(
            recommended=better,
            price_ratio=self.price_ratio,
            gpu_vcpu_hours_per_million=gpu_hours,
            cpu_vcpu_hours_per_million=cpu_hours,
            reason=f"{better.upper()} recommended: {costs} (a GPU counted as {self.price_ratio:g} vCPUs){because}.",
        )

    def _only_one_that_keeps(self, found: Profile) -> Literal["gpu", "cpu"] | None:
        if self.slo is None:
            return None
        on_gpu, on_cpus = keeps(found, self.slo), keeps(self.profile, self.slo)
        if on_gpu and on_cpus is False:
            return "gpu"
        return "cpu" if on_cpus and on_gpu is False else None

    def _hours(self, found: Profile) -> float:
        """vCPU hours for a million requests at the rate that a replica carries."""
        advice = found.recommendation
        cores = advice.cpu.request_cores if advice.cpu else 0.0
        memory_bytes = advice.memory.request_bytes if advice.memory else 0.0
        gpus = advice.gpu.count * card_share(advice.gpu.resource) if advice.gpu else 0.0
        rate_rps = advice.max_requests_per_second or float("nan")
        return price_cores(cores, memory_bytes, gpus, self.price_ratio) / rate_rps * _MILLION_PER_HOUR


def read_rival(path: Path, price_ratio: float, slo: Slo | None) -> CpuRival:
    """Raises UsageError for what is no profile on CPUs with a recommendation."""
    profile = read_profile(path)
    advice = profile.recommendation
    if advice.gpu is not None:
        raise UsageError(f"{path}: was measured on a GPU", remedy="profile with --gpu off")
    if advice.cpu is None or advice.memory is None or advice.max_requests_per_second is None:
        raise UsageError(f"{path}: holds no recommendation to compare with")
    return CpuRival(profile, price_ratio, slo)


def keeps(profile: Profile, slo: Slo) -> bool | None:
    """Whether any open-loop level did; None where no percentile that was measured decides it."""
    name = slo.percentile or ""
    found_s = [getattr(level.latency_seconds, name, None) for level in profile.measurements.open_levels()]
    known_s = [latency_s for latency_s in found_s if latency_s is not None]
    return any(latency_s <= slo.seconds for latency_s in known_s) if known_s else None
