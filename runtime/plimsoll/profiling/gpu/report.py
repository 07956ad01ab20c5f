"""What of the GPUs is written into the profile, and what is doubtful about it."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.attribution import Device, gigabytes, held
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.measure.gpu_watch import GpuWatch
from plimsoll.profiling.result.gpu import GpuMeasurements
from plimsoll.profiling.result.growth import GrowthResult

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
# Below this share of the time the card is as good as unused; a reading now and then is no reason to doubt it.
_IDLE_SHARE, _OFTEN_SHARE = 0.05, 0.05


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
    found, name = device.result, f"GPU {device.gpu.index}"
    for reason, share in found.throttling.items():
        if share >= _OFTEN_SHARE:
            cause = _SAYS.get(reason, reason)
            yield f"{name} was throttled by {cause} ({reason}) in {share:.0%} of the readings under load"
    if found.other_processes:
        yield f"{name}: {found.other_processes} other process(es) used it too: rate and latency are disturbed"
    busy = found.utilisation.mean
    if device.used and busy is not None and busy < _IDLE_SHARE:
        yield f"{name} idle: a kernel was running in only {busy:.0%} of the time under load"


def gpu_measurements(
    found: GpuFindings, verdict: GpuVerdict, growth: GrowthResult | None = None
) -> GpuMeasurements | None:
    """None where no GPU was watched while a server ran."""
    watch = found.watch
    if watch is None or not watch.servers:
        return None
    held_bytes = verdict.largest.result.delta_bytes if verdict.largest else None
    return GpuMeasurements(
        driver_version=found.driver_version,
        devices=[device.result for device in verdict.devices],
        held_bytes=found.preallocated_bytes if found.growth else held_bytes,
        needed_bytes=verdict.need.with_context_bytes if verdict.need else None,
        preallocates=bool(found.growth) if verdict.answer else None,
        allocator_peak_bytes=found.allocator_bytes,
        growth=growth,
        polls=watch.looks,
        polls_per_second=watch.looks_per_s,
        poll_cpu_seconds=watch.cpu_s,
    )
