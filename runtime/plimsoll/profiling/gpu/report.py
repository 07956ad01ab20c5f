"""What of the GPUs is written into the profile, and what is doubtful about it."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.attribution import Device, gigabytes, held
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.gpu.watch import GpuWatch
from plimsoll.profiling.result.gpu import (
    GpuDeviceResult,
    GpuMeasurements,
    GpuPower,
    GpuUtilisation,
)

_SAYS = {
    "power_cap": "its power limit",
    "thermal": "heat",
    "hardware_thermal": "heat",
    "hardware_slowdown": "heat or power",
    "power_brake": "the power supply",
    "sync_boost": "the clocks of other GPUs",
    "board_limit": "the board's limit",
    "reliability": "its voltage limit",
}


def gpu_doubts(watch: GpuWatch | None, verdict: GpuVerdict) -> list[str]:
    """For the grade; each is one sentence."""
    if watch is None:
        return []
    doubts = [doubt for device in verdict.devices for doubt in _doubts(device)]
    doubts += _trial_doubts(watch, verdict.answer.memory_bytes if verdict.answer else None)
    return doubts + ([watch.trouble] if watch.trouble else [])


def _trial_doubts(watch: GpuWatch, allowed_bytes: int | None) -> Iterator[str]:
    """The kernel cannot hold a process to a part of a GPU: whether it kept to it is looked at."""
    trials = [server for server in watch.servers if server.trial]
    sizes = [held(watch, server, gpu).size_bytes or 0 for server in trials[-1:] for gpu in watch.gpus]
    most_bytes = max(sizes, default=0)
    if allowed_bytes is not None and most_bytes > allowed_bytes:
        most, allowed = gigabytes(most_bytes), gigabytes(allowed_bytes)
        yield f"inside the limits the server held {most} of the GPU's memory, more than the {allowed} recommended"


def _doubts(device: Device) -> Iterator[str]:
    name = f"GPU {device.gpu.index}"
    for reason, share in device.load.often_slowed().items():
        cause = _SAYS.get(reason, reason)
        yield f"{name} was slowed by {cause} ({reason}) in {share:.0%} of the readings under load: cooler it does more"
    if device.others:
        yield f"{name}: {device.others} other process(es) used it too: rate and latency are disturbed"
    if device.used and device.load.idle:
        yield f"{name} idle: kernels resident {device.load.busy_mean:.0%} of the time under load"


def gpu_measurements(found: GpuFindings, verdict: GpuVerdict) -> GpuMeasurements | None:
    """None where no GPU was watched while a server ran."""
    watch = found.watch
    if watch is None or not watch.servers:
        return None
    need = verdict.need.with_context_bytes if verdict.need else None
    return GpuMeasurements(
        driver_version=found.driver_version,
        devices=[_device(device) for device in verdict.devices],
        held_bytes=found.preallocated_bytes if found.growth else _held_bytes(verdict),
        needed_bytes=need,
        preallocates=bool(found.growth) if verdict.answer else None,
        allocator_peak_bytes=found.allocator_bytes,
        polls=watch.looks,
        polls_per_second=watch.looks_per_s,
        poll_cpu_seconds=watch.cpu_s,
    )


def _held_bytes(verdict: GpuVerdict) -> int | None:
    return verdict.largest.held.size_bytes if verdict.largest else None


def _device(device: Device) -> GpuDeviceResult:
    gpu, load = device.gpu, device.load
    return GpuDeviceResult.of(
        gpu,
        baseline_bytes=device.baseline_bytes,
        peak_bytes=device.peak_bytes,
        delta_bytes=device.held.size_bytes,
        method=device.held.method,
        method_reason=device.held.reason,
        other_processes=device.others,
        utilisation=GpuUtilisation(mean=load.busy_mean, max=load.busy_most),
        power_watts=GpuPower(mean=load.power_mean_w, max=load.power_most_w),
        hottest_celsius=load.hottest_c,
        throttling=load.slowed,
    )
