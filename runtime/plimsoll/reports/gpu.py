"""The GPU in the reports: lines for a console, a table, quantities for a manifest."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.gpu import GpuDeviceResult
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.parts import Figure, TableData
from plimsoll.reports.units import UNKNOWN, growth_cells, mebibytes, megabytes, number, percent

_METHODS = {
    "device": "device",
    "processes": "processes",
    "allocator": "allocator",
    None: "not known",
}


def gpu_answer(profile: Profile) -> Iterator[str]:
    """`1 x 4096 Mi (4.29 GB), 5% of the card`, and the slice that would do."""
    gpu = profile.recommendation.gpu
    if gpu is None:
        return
    slices = f"; MIG slice {gpu.mig_profile}" if gpu.mig_profile else ""
    if gpu.memory_bytes is None or gpu.fraction is None:
        yield f"{gpu.count} x unknown memory"
        return
    yield f"{gpu.count} x {mebibytes(gpu.memory_bytes)}, {gpu.fraction:.0%} of the card{slices}"


def gpu_rows(profile: Profile) -> Iterator[tuple[str, str, str]]:
    """Rows of the console's table: name, value, remark."""
    measured = profile.measurements.gpu
    if measured is None or profile.recommendation.gpu is None:
        return
    held = f"preallocates {megabytes(measured.held_bytes)} MB" if measured.preallocates else _methods(profile)
    yield "GPU memory needed", f"{megabytes(measured.needed_bytes)} MB", held
    if measured.growth is not None:
        yield "GPU memory growth", *growth_cells(measured.growth)
    against = profile.recommendation.gpu.against_cpu
    if against is not None:
        costs = f"{number(against.gpu_vcpu_hours_per_million)} h"
        on_cpus = f"on CPUs {number(against.cpu_vcpu_hours_per_million)} h: {against.recommended} recommended"
        yield "vCPU hours per million", costs, on_cpus
    for device in measured.devices:
        busy = percent(device.utilisation.mean)
        yield f"GPU {device.index} busy", busy, f"of the time under load a kernel was running ({device.name})"


def gpu_bytes_of(profile: Profile) -> int | None:
    """What is recommended on all GPUs together."""
    gpu = profile.recommendation.gpu
    return gpu.memory_bytes * gpu.count if gpu and gpu.memory_bytes else None


def gpu_figure(profile: Profile) -> Iterator[Figure]:
    """The section of the page, and the folded table of the comment."""
    measured = profile.measurements.gpu
    if measured is not None and measured.devices:
        yield Figure("On the GPU", _caption(profile), None, (gpu_table(measured.devices),))


def gpu_table(devices: list[GpuDeviceResult]) -> TableData:
    names = ("GPU", "before MB", "peak MB", "server MB", "reported by", "busy", "peak W", "throttled", "others")
    return TableData(names, tuple(_device(device) for device in devices))


def _device(device: GpuDeviceResult) -> tuple[str, ...]:
    return (
        f"{device.index} {device.name}",
        megabytes(device.baseline_bytes),
        megabytes(device.peak_bytes),
        megabytes(device.delta_bytes),
        _METHODS[device.method],
        percent(device.utilisation.mean),
        number(device.power_watts.max),
        ", ".join(f"{reason} {share:.0%}" for reason, share in device.throttling.items()) or "no",
        UNKNOWN if device.other_processes is None else str(device.other_processes),
    )


def _caption(profile: Profile) -> str:
    measured, gpu = profile.measurements.gpu, profile.recommendation.gpu
    if measured is None or gpu is None:
        return profile.unknown.get("recommendation.gpu", "The GPU was not used.")
    sentences = [f"Driver {measured.driver_version}.", gpu.reason]
    if measured.preallocates:
        held, needed = megabytes(measured.held_bytes), megabytes(measured.needed_bytes)
        sentences.append(f"It preallocates {held} MB but needs only {needed} MB.")
    sentences += [f"MIG: {gpu.mig_profile or 'no slice'}, {gpu.mig_reason}."]
    sentences += [gpu.against_cpu.reason] if gpu.against_cpu else []
    return " ".join(sentences)


def _methods(profile: Profile) -> str:
    measured = profile.measurements.gpu
    methods = dict.fromkeys(_METHODS[device.method] for device in (measured.devices if measured else []))
    return f"reported by {', '.join(methods)}"
