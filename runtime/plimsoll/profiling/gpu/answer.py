"""From what was held of the GPUs to what to ask for. Pure arithmetic; the answer brings its reason in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from plimsoll.backends.gpu import SHARE
from plimsoll.host.gpu.nvml import Gpu
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.gpu.attribution import WHOLE_SHARE, Device, Method, devices, gigabytes
from plimsoll.profiling.gpu.mig import choose_slice, slice_name
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.result.gpu import GpuRecommendation, mig_resource
from plimsoll.workers.gpu_shares import share_bytes

GPU_MEMORY_FACTOR = 1.15
_WHOLE = "nvidia.com/gpu"
_STEP_BYTES = 256 * MEBIBYTE
# What an allocator does not count: the CUDA context and the libraries' own workspaces, for each process.
CONTEXT_BYTES = 512 * MEBIBYTE
NEVER_USED = (
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


def recommend_gpu(count: int, need: GpuNeed, gpu: Gpu) -> GpuRecommendation:
    """Need · 1.15 for fragmentation, rounded up to 256 MiB; never more than the card has, if the need fits."""
    memory_bytes, total_bytes = _round_up(need.with_context_bytes * GPU_MEMORY_FACTOR), gpu.total_bytes or 1
    if need.with_context_bytes <= total_bytes:
        memory_bytes = min(memory_bytes, total_bytes)
    mig = choose_slice(gpu, memory_bytes)
    return GpuRecommendation(
        count=count,
        memory_bytes=memory_bytes,
        fraction=memory_bytes / total_bytes,
        mig_profile=mig.profile,
        mig_reason=mig.reason,
        resource=_resource(gpu, mig.profile),
        reason=_reason(need, memory_bytes, total_bytes),
    )


def no_gpu_memory(count: int, gpu: Gpu, why: str) -> GpuRecommendation:
    """A GPU is needed, but how much of it is not known."""
    return GpuRecommendation(
        count=count,
        memory_bytes=None,
        fraction=None,
        mig_profile=None,
        mig_reason="how much memory is needed is not known",
        resource=_resource(gpu, None),
        reason=f"How much of its memory is needed is not known: {why}.",
    )


def _resource(gpu: Gpu, profile: str | None) -> str:
    """What was measured: a whole card stays one, as on a slice of it latency and rate would be others."""
    name = (profile or slice_name(gpu.name)) if gpu.is_mig_slice else None
    return mig_resource(name) if name else _WHOLE


def _round_up(size_bytes: float) -> int:
    return math.ceil(size_bytes / _STEP_BYTES) * _STEP_BYTES


def _reason(need: GpuNeed, memory_bytes: int, total_bytes: int) -> str:
    how = {
        "device": "measured as the rise of the device's own count",
        "processes": "measured as what the driver attributes to the server's processes",
        "allocator": f"as the framework's allocator counts, plus {need.processes} CUDA context(s) of at most 0.54 GB",
    }[need.method]
    return (
        f"It needs up to {gigabytes(need.size_bytes)} of GPU memory, {how}; with 15 % headroom "
        f"{gigabytes(memory_bytes)} ({memory_bytes // MEBIBYTE} Mi), {memory_bytes / total_bytes:.0%} of the card."
    )


@dataclass(frozen=True, slots=True)
class GpuVerdict:
    """`largest` is the device of which most was needed; `answer` None: no GPU is recommended."""

    devices: list[Device]
    answer: GpuRecommendation | None
    largest: Device | None = None
    need: GpuNeed | None = None


def decide_gpu(found: GpuFindings, configuration: Configuration) -> GpuVerdict:
    """Rests on the readings so far: it is asked during the run, too, for the price of candidates."""
    seen = devices(found.watch, configuration) if found.watch else []
    used = [device for device in seen if device.used]
    # An allocator that has handed out memory was on some GPU, also where the driver reports nothing.
    if not used and found.allocator_bytes and seen:
        used = seen[:1]
    if not used:
        return GpuVerdict(seen, None)
    needs = [(device, _need(found, device, configuration.workers / len(used))) for device in used]
    known = [(device, need) for device, need in needs if need is not None and device.gpu.total_bytes]
    if len(known) < len(needs):
        return GpuVerdict(seen, no_gpu_memory(len(used), used[0].gpu, _why_unknown(used)), used[0])
    largest, need = max(known, key=lambda pair: pair[1].with_context_bytes)
    return GpuVerdict(seen, recommend_gpu(len(used), need, largest.gpu), largest, need)


def gpus_in_use(found: GpuFindings, configuration: Configuration) -> int:
    answer = decide_gpu(found, configuration).answer
    return answer.count if answer else 0


def _need(found: GpuFindings, device: Device, workers: float) -> GpuNeed | None:
    """`workers` share the device."""
    held, allocator_bytes = device.result, found.allocator_bytes
    if held.method is not None and held.delta_bytes is not None and not takes_all(device):
        return GpuNeed(held.delta_bytes, held.method)
    if not allocator_bytes:
        return None
    sharing = math.ceil(workers)
    return GpuNeed(allocator_bytes * sharing, "allocator", sharing)


def takes_all(device: Device) -> bool:
    """Also with the variables that make frameworks grow: what it holds says nothing about what it needs."""
    return (device.result.delta_bytes or 0) >= WHOLE_SHARE * (device.gpu.total_bytes or math.inf)


def _why_unknown(used: list[Device]) -> str:
    if any(takes_all(device) for device in used):
        return "the model takes the whole card, even with the variables that should make it take only what it needs"
    unknown = (device.result.method_reason for device in used if device.result.method is None)
    return next(unknown, "the device has no memory of its own")


def gpu_environment(verdict: GpuVerdict, growth: Mapping[str, str], workers: int) -> dict[str, str]:
    """Growth where the framework would else take the whole card, and what each worker's model may allocate."""
    if verdict.answer is None:
        return {}
    variables = dict(growth)
    if verdict.answer.memory_bytes is not None:
        sharing = math.ceil(workers / verdict.answer.count)
        variables[SHARE] = str(share_bytes(verdict.answer.memory_bytes, sharing))
    return variables


def why_unused(verdict: GpuVerdict) -> str:
    """Of a verdict without an answer."""
    if any(device.used is None for device in verdict.devices):
        return f"whether the GPU was used is not known: {verdict.devices[0].result.method_reason}"
    return NEVER_USED


def preallocation_sentence(preallocated_bytes: int, need: GpuNeed) -> str:
    return (
        f"the model preallocates {gigabytes(preallocated_bytes)} of the GPU's memory, but needs only "
        f"{gigabytes(need.with_context_bytes)}: serve it with the recommended environment variables"
    )
