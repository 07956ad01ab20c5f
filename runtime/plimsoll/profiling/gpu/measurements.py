"""From what was found about GPUs to its parts of the result."""

from __future__ import annotations

from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.attribution import Device
from plimsoll.profiling.gpu.mig import MigChoice, choose_slice, slice_name
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.result.gpu import (
    GpuDeviceResult,
    GpuMeasurements,
    GpuPower,
    GpuRecommendation,
    GpuUtilisation,
    mig_resource,
)

_WHOLE = "nvidia.com/gpu"


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
    return GpuDeviceResult(
        index=gpu.index,
        uuid=gpu.uuid,
        name=gpu.name,
        is_mig_slice=gpu.is_mig_slice,
        total_bytes=gpu.total_bytes,
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


def gpu_recommendation(verdict: GpuVerdict) -> GpuRecommendation | None:
    """None where no GPU was used."""
    answer, largest = verdict.answer, verdict.largest
    if answer is None or largest is None:
        return None
    mig = MigChoice(None, "how much memory is needed is not known")
    if answer.memory_bytes is not None:
        mig = choose_slice(largest.gpu, answer.memory_bytes)
    return GpuRecommendation(
        count=answer.count,
        memory_bytes=answer.memory_bytes,
        fraction=answer.fraction,
        mig_profile=mig.profile,
        mig_reason=mig.reason,
        resource=_resource(largest, mig),
        reason=answer.reason,
    )


def _resource(largest: Device, mig: MigChoice) -> str:
    """What was measured: a whole card stays one, as on a slice of it latency and rate would be others."""
    if not largest.gpu.is_mig_slice:
        return _WHOLE
    name = mig.profile or slice_name(largest.gpu.name)
    return mig_resource(name) if name else _WHOLE
