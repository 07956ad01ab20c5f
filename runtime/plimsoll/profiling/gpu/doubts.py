"""What is doubtful about a GPU's numbers, and why those are null that are."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.gpu.answer import GpuVerdict, gigabytes
from plimsoll.profiling.gpu.attribution import Device, held
from plimsoll.profiling.gpu.mig import choose_slice
from plimsoll.profiling.gpu.watch import GpuWatch

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
_NOT_TOLD = "the driver does not tell it, as on a MIG slice, or there was no load"


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


def gpu_rules(unknown: str, verdict: GpuVerdict) -> list[tuple[str, str]]:
    """Pattern of a path → reason; `unknown` as in GpuFindings."""
    rules = [("*gpu", unknown), ("*.gpuMemoryBytes", unknown)] if unknown else []
    for place, device in enumerate(verdict.devices):
        path = f"measurements.gpu.devices.{place}"
        rules += [(f"{path}.deltaBytes", device.held.reason), (f"{path}.method", device.held.reason)]
    return [
        *rules,
        *_advice_rules(verdict),
        ("measurements.gpu.devices.*.otherProcesses", "the driver does not list processes"),
        ("measurements.gpu.devices", "no reading came from it while a server ran"),
        ("measurements.gpu.devices.*", _NOT_TOLD),
        ("measurements.gpu.allocatorPeakBytes", "no framework that counts (PyTorch, TensorFlow, JAX) said anything"),
        ("measurements.gpu.pollsPerSecond", "the run was too short for it"),
        ("measurements.gpu.*", verdict.answer.reason if verdict.answer else unknown or "it was not measured"),
    ]


def _advice_rules(verdict: GpuVerdict) -> Iterator[tuple[str, str]]:
    yield "recommendation.gpu.againstCpu", "no profile of the same model on CPUs was given (--cpu-profile)"
    if verdict.answer is None or verdict.largest is None:
        return
    if verdict.answer.memory_bytes is not None:
        yield "recommendation.gpu.migProfile", choose_slice(verdict.largest.gpu, verdict.answer.memory_bytes).reason
    yield "recommendation.gpu.*", verdict.answer.reason
