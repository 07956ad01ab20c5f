"""From what was held of the GPUs to what to ask for. Pure arithmetic; the answer brings its reason in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.findings import Findings, Problem
from plimsoll.profiling.gpu.attribution import WHOLE_SHARE, Device, Method, devices

GPU_MEMORY_FACTOR = 1.15
_STEP_BYTES = 256 * MEBIBYTE
# What an allocator does not count: the CUDA context and the libraries' own workspaces, for each process.
CONTEXT_BYTES = 512 * MEBIBYTE
_EXIT = 3
_NEVER_USED = (
    "the GPU was never used: nothing ran on it, and no memory and no process of the model was on it; is the GPU build "
    "of the framework installed (onnxruntime-gpu, torch with CUDA, tensorflow[and-cuda]), and does init() move the "
    "model there? server.log may say"
)


@dataclass(frozen=True, slots=True)
class GpuNeed:
    """The most that one replica needed of one device; `processes` are the workers that share it."""

    size_bytes: int
    method: Method
    processes: int = 1

    @property
    def with_context_bytes(self) -> int:
        """Also what an allocator leaves out."""
        return self.size_bytes + (CONTEXT_BYTES * self.processes if self.method == "allocator" else 0)


@dataclass(frozen=True, slots=True)
class GpuAnswer:
    """For one replica: `count` devices of at least `memory_bytes`, which is None where it is not known."""

    count: int
    memory_bytes: int | None
    fraction: float | None
    reason: str


def recommend_gpu(count: int, need: GpuNeed, total_bytes: int) -> GpuAnswer:
    """Need · 1.15 for fragmentation, rounded up to 256 MiB; never more than the card has, if the need fits."""
    memory_bytes = _round_up(need.with_context_bytes * GPU_MEMORY_FACTOR)
    if need.with_context_bytes <= total_bytes:
        memory_bytes = min(memory_bytes, total_bytes)
    return GpuAnswer(count, memory_bytes, memory_bytes / total_bytes, _reason(need, memory_bytes, total_bytes))


def no_gpu_memory(count: int, why: str) -> GpuAnswer:
    """A GPU is needed, but how much of it is not known."""
    return GpuAnswer(count, None, None, f"How much of its memory is needed is not known: {why}.")


def _round_up(size_bytes: float) -> int:
    return math.ceil(size_bytes / _STEP_BYTES) * _STEP_BYTES


def _reason(need: GpuNeed, memory_bytes: int, total_bytes: int) -> str:
    how = {
        "device": "by the rise of the device's own count",
        "processes": "by what the driver books on the server's processes",
        "allocator": f"by the framework's allocator, to which {need.processes} CUDA context(s) of at most 0.54 GB come",
    }[need.method]
    return (
        f"The most it needs of GPU memory is {gigabytes(need.size_bytes)}, {how}; with 15 % of headroom "
        f"{gigabytes(memory_bytes)} ({memory_bytes // MEBIBYTE} Mi), {memory_bytes / total_bytes:.0%} of the card."
    )


def gigabytes(size_bytes: float) -> str:
    """Decimal, two digits below ten: `3.11 GB`, `76.0 GB`."""
    size = size_bytes / 1e9
    return f"{size:.2f} GB" if size < 10 else f"{size:.1f} GB"


@dataclass(frozen=True, slots=True)
class GpuVerdict:
    """`largest` is the device of which most was needed; `answer` None: no GPU is recommended."""

    devices: list[Device]
    answer: GpuAnswer | None
    largest: Device | None = None
    need: GpuNeed | None = None


def decide_gpu(findings: Findings) -> GpuVerdict:
    """From the readings so far."""
    watch = findings.gpu.watch
    seen = devices(watch, findings.configuration()) if watch else []
    used = [device for device in seen if device.used]
    # An allocator that has handed out memory was on some GPU, also where the driver tells nothing.
    if not used and findings.gpu.allocator_bytes and seen:
        used = seen[:1]
    if not used:
        return GpuVerdict(seen, None)
    needs = [(device, _need(findings, device, len(used))) for device in used]
    known = [(device, need) for device, need in needs if need is not None and device.gpu.total_bytes]
    if len(known) < len(needs):
        return GpuVerdict(seen, no_gpu_memory(len(used), _why_unknown(used)), used[0])
    largest, need = max(known, key=lambda pair: pair[1].with_context_bytes)
    return GpuVerdict(seen, recommend_gpu(len(used), need, largest.gpu.total_bytes or 1), largest, need)


def _need(findings: Findings, device: Device, count: int) -> GpuNeed | None:
    found, allocator_bytes = device.held, findings.gpu.allocator_bytes
    if found.method is not None and found.size_bytes is not None and not _takes_all(device):
        return GpuNeed(found.size_bytes, found.method)
    if not allocator_bytes:
        return None
    sharing = math.ceil(findings.configuration().workers / count)
    return GpuNeed(allocator_bytes * sharing, "allocator", sharing)


def _takes_all(device: Device) -> bool:
    """Also with the variables that make frameworks grow: what it holds says nothing about what it needs."""
    return (device.held.size_bytes or 0) >= WHOLE_SHARE * (device.gpu.total_bytes or math.inf)


def _why_unknown(used: list[Device]) -> str:
    if any(_takes_all(device) for device in used):
        return "the model takes the whole card, also where it is told to take only what it needs"
    unknown = (device.held.reason for device in used if device.held.method is None)
    return next(unknown, "the device has no memory of its own")


def judge_gpu(findings: Findings) -> None:
    """Once, when all is measured: a GPU that was lost or never used is a failure, where one was wanted."""
    found = findings.gpu
    if found.watch is None or not found.watch.servers:
        return
    if lost := found.lost():
        findings.problem = findings.problem or Problem("gpu_lost", f"{lost} in the middle of the run", _EXIT)
    elif findings.census.succeeded():
        _judge_use(findings, decide_gpu(findings))


def _judge_use(findings: Findings, verdict: GpuVerdict) -> None:
    found = findings.gpu
    if verdict.answer is not None:
        if found.grabbed_bytes is not None and verdict.need is not None:
            findings.warnings.append(grab_sentence(found.grabbed_bytes, verdict.need))
    elif any(device.used is None for device in verdict.devices):
        found.unknown = f"whether the GPU was used is not known: {verdict.devices[0].held.reason}"
    else:
        found.unknown = _NEVER_USED
        if not found.required:
            findings.warnings.append(_NEVER_USED)
        elif not findings.lost():
            findings.problem = Problem("gpu_unused", _NEVER_USED, _EXIT)


def grab_sentence(grabbed_bytes: int, need: GpuNeed) -> str:
    """Both numbers."""
    return (
        f"the model holds {gigabytes(grabbed_bytes)} of the GPU's memory if it may, but needs "
        f"{gigabytes(need.with_context_bytes)}: serve it with the environment that is recommended"
    )
