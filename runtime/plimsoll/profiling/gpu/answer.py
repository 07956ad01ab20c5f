"""From what was held of the GPUs to what to ask for. Pure arithmetic; the answer brings its reason in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.gpu.attribution import Method

GPU_MEMORY_FACTOR = 1.15
_STEP_BYTES = 256 * MEBIBYTE
# What an allocator does not count: the CUDA context and the libraries' own workspaces, for each process.
CONTEXT_BYTES = 512 * MEBIBYTE


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
