"""Whether a worker that is loaded and warm computes on its GPU: by what the frameworks say, and by the GPU's memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from plimsoll.backends.placement import Placement
from plimsoll.host.gpu.nvml import GpuReading

_LEAST_BYTES = 32 * 2**20
"""CUDA takes more than this for a process before it computes anything."""


def fallback(found: Sequence[Placement]) -> str | None:
    """What is wrong when no framework reaches the GPU. One is enough: another may prepare the input on the CPU."""
    if not found or any(one.on_gpu is not False for one in found):
        return None
    return "; ".join(f"{one.framework}: {one.detail}" for one in found)


def proof(before: GpuReading | None, after: GpuReading, pids: Collection[int]) -> bool | None:
    """Whether the GPU holds memory of these processes; None where it cannot be told.

    In a container the driver may call processes by the host's numbers, or not name any. Then a process that is new
    there counts as ours, and so does memory that was not in use before.
    """
    if before is None or before.lost or after.lost:
        return None
    listed = {one.pid for one in after.processes or ()}
    if listed & set(pids) or listed - {one.pid for one in before.processes or ()}:
        return True
    if before.used_bytes is None or after.used_bytes is None:
        return None
    grown = after.used_bytes - before.used_bytes
    if grown < 0:
        return None  # somebody else has freed memory meanwhile: what we took may hide in that
    return grown >= _LEAST_BYTES
