"""Which GPU each worker gets, and how much of its memory, as variables of the worker's environment.

Workers go round the GPUs in turn. The UUID is what names a GPU: it holds for MIG slices too, and does not depend on
the order in which anybody counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plimsoll.backends.gpu import MODE, SHARE
from plimsoll.host.gpu.nvml import Gpu

VISIBLE = "CUDA_VISIBLE_DEVICES"
_CONTEXT_BYTES = 512 * 2**20
"""Kept free per worker for what lies outside the allocators that a share binds: CUDA's context and its kernels."""
_GROW = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""TensorFlow and JAX would take nearly all memory at their start, needed or not."""


def without_gpus() -> dict[str, str]:
    """For workers that must not use any."""
    return {VISIBLE: "", MODE: "off"}


def gpu_of(worker: int, gpus: Sequence[Gpu]) -> Gpu:
    """A worker that is started again has the same number, and so the same GPU."""
    return gpus[worker % len(gpus)]


def gpu_environments(
    gpus: Sequence[Gpu], workers: int, mode: str, given: Mapping[str, str]
) -> tuple[dict[str, str], ...]:
    """One per worker; what the user has set for the frameworks stays as it is."""
    common = {MODE: mode} | {name: value for name, value in _GROW.items() if not given.get(name)}
    return tuple(
        common | {VISIBLE: gpu_of(worker, gpus).uuid} | _share(worker, gpus, workers, given)
        for worker in range(workers)
    )


def share_bytes(total_bytes: int, sharing: int) -> int:
    """What the model of each of `sharing` workers may allocate; at least half of its part, however small the GPU."""
    part = total_bytes // sharing
    return max(part - _CONTEXT_BYTES, part // 2)


def _share(worker: int, gpus: Sequence[Gpu], workers: int, given: Mapping[str, str]) -> dict[str, str]:
    gpu = gpu_of(worker, gpus)
    sharing = sum(gpu_of(other, gpus) == gpu for other in range(workers))
    if sharing == 1 or gpu.total_bytes is None or given.get(SHARE):
        return {}
    return {SHARE: str(share_bytes(gpu.total_bytes, sharing))}
