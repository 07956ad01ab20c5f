"""Phase: what to ask for of GPUs, and whether the model used them at all. May be called again when more is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.profiling.findings import Findings, Problem
from plimsoll.profiling.gpu.answer import GpuAnswer, GpuNeed, gigabytes, no_gpu_memory, recommend_gpu
from plimsoll.profiling.gpu.preallocation import WHOLE_SHARE
from plimsoll.profiling.gpu.summary import Device, devices

_EXIT = 3
_NEVER_USED = (
    "the GPU was never used: nothing ran on it, and no memory and no process of the model was on it; is the GPU build "
    "of the framework installed (onnxruntime-gpu, torch with CUDA, tensorflow[and-cuda]), and does init() move the "
    "model there? server.log may say"
)


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
    seen = devices(watch, findings.shape()) if watch else []
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
    sharing = math.ceil(findings.shape().workers / count)
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
