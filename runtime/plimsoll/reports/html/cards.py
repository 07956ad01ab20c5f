"""The numbers at the top of the page: each with its gauge, where a line marks the recommendation, and its reason."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.result.gpu import GpuRecommendation
from plimsoll.profiling.result.measurements import ConcurrencyLevel
from plimsoll.profiling.result.profile import CpuRecommendation, MemoryRecommendation, Profile
from plimsoll.reports.charts.gauge import gauge
from plimsoll.reports.units import UNKNOWN, cores, megabytes, number


@dataclass(frozen=True, slots=True)
class Card:
    """One number at the top of the page."""

    title: str
    value: str
    unit: str
    gauge: Markup
    detail: str
    reason: str


def cards(profile: Profile) -> list[Card]:
    """Empty where nothing is recommended: the page then begins with the error."""
    recommendation = profile.recommendation
    cpu, memory = recommendation.cpu, recommendation.memory
    if cpu is None or memory is None or recommendation.max_requests_per_second is None:
        return []
    gpu = [_gpu(profile, recommendation.gpu)] if recommendation.gpu else []
    return [_cpu(profile, cpu), _memory(profile, memory), *gpu, _rate(profile, recommendation.max_requests_per_second)]


def best_level(profile: Profile) -> ConcurrencyLevel | None:
    """The level of the greatest throughput."""
    return max(profile.measurements.concurrency_levels, key=lambda level: level.requests_per_second, default=None)


def _cpu(profile: Profile, cpu: CpuRecommendation) -> Card:
    operating, best = profile.measurements.operating_level, best_level(profile)
    level = operating or best
    used = level.cores_used.mean if level else 0.0
    limit, unit = cores(cpu.limit_cores).split()
    return Card(
        title="CPU limit per replica",
        value=limit,
        unit=unit,
        gauge=_gauge(used, cpu.limit_cores, f"{number(used)} of {limit} {unit}"),
        detail=f"{number(used)} in use at {'the operating rate' if operating else 'full load'};"
        f" as a Kubernetes request {cpu.request_cores:g}",
        reason=cpu.reason,
    )


def _memory(profile: Profile, memory: MemoryRecommendation) -> Card:
    peak_bytes = profile.measurements.memory.peak_bytes or 0
    return Card(
        title="Memory per replica",
        value=str(memory.request_bytes // MEBIBYTE),
        unit=f"Mi = {memory.request_bytes / 1e9:.2f} GB",
        gauge=_gauge(peak_bytes, memory.request_bytes, f"{megabytes(peak_bytes)} MB of it used at the peak"),
        detail=f"{megabytes(peak_bytes)} MB used at the peak",
        reason=memory.reason,
    )


def _gpu(profile: Profile, gpu: GpuRecommendation) -> Card:
    measured = profile.measurements.gpu
    needed_bytes, memory_bytes = measured.needed_bytes if measured else None, gpu.memory_bytes
    label = f"{megabytes(needed_bytes)} MB of it needed at the peak"
    share = "" if gpu.fraction is None else f", {gpu.fraction:.0%} of the card"
    slices = f"; MIG slice {gpu.mig_profile}" if gpu.mig_profile else ""
    return Card(
        title="GPU per replica" if gpu.count == 1 else f"GPUs per replica: {gpu.count}, each with",
        value=UNKNOWN if memory_bytes is None else str(memory_bytes // MEBIBYTE),
        unit="Mi" if memory_bytes is None else f"Mi = {memory_bytes / 1e9:.2f} GB",
        gauge=_gauge(needed_bytes or 0, memory_bytes or 1, label) if memory_bytes else Markup(""),
        detail=f"{label}{share}{slices}",
        reason=f"{gpu.reason} {gpu.against_cpu.reason}" if gpu.against_cpu else gpu.reason,
    )


def _rate(profile: Profile, rate_rps: float) -> Card:
    best, target_rps, advice = best_level(profile), profile.settings.target_requests_per_second, profile.recommendation
    most_rps = max(rate_rps, best.requests_per_second if best else 0.0)
    needed = f"{counted(advice.replicas, 'replica')} for {number(target_rps)}/s. " if advice.replicas else ""
    layout = f"{counted(advice.workers, 'worker')}, {counted(advice.threads, 'thread')} each"
    layout += "" if advice.max_batch_size is None else f", in batches of up to {advice.max_batch_size}"
    return Card(
        title="Rate per replica",
        value=number(rate_rps),
        unit="requests/s",
        gauge=_gauge(most_rps, rate_rps, f"{number(rate_rps)} of {number(most_rps)} requests/s"),
        detail=f"{rate_rps / most_rps:.0%} of the peak throughput of {number(most_rps)}",
        reason=f"{needed}Up to this rate requests hardly wait for one another. Measured with {layout}."
        + (f" {advice.runner_up.reason}" if advice.runner_up else ""),
    )


def _gauge(filled: float, load_line: float, label: str) -> Markup:
    return Markup(gauge(filled, load_line, label))  # noqa: S704  our own numbers, escaped where they are made
