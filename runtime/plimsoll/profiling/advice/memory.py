"""How much memory one replica needs, with the reason in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.profiling.advice.rounding import MEBIBYTE, round_up_memory
from plimsoll.profiling.result.profile import MemoryRecommendation

MEMORY_FACTOR = 1.15
MEMORY_MARGIN_BYTES = 100_000_000
_GROWTH_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class MemoryAnswer:
    """Bytes for one replica; request and limit are the same, as memory cannot be throttled.

    `base_bytes` is the need without the allowance for growth; both are 0 in a profile that was read.
    """

    size: MemoryRecommendation
    need_bytes: int = 0
    base_bytes: int = 0


def recommend_memory(
    load_peak_bytes: int, phase_peak_bytes: int, heavy_bytes: int | None, growing_worker_bytes: int | None = None
) -> MemoryAnswer:
    """max(need · 1.15, need + 100 MB) rounded up; need = the greatest of the three, unknown ones left out.

    `heavy_bytes` is the memory when ready plus one heaviest row on every slot at once. 15 % and 100 MB are what the
    Kubernetes vertical pod autoscaler and KRR add. Where memory grows with every request (then
    `growing_worker_bytes` is what one worker holds), room for growth is added: a quarter of the need, at least 100 MB,
    to be used up before the workers are replaced, and one worker more, as the new one is there before the old one goes.
    """
    needs = {
        "while the model loads": load_peak_bytes,
        "under load": phase_peak_bytes,
        "with the heaviest row on every slot at once": heavy_bytes or 0,
    }
    when, base_bytes = max(needs.items(), key=lambda item: item[1])
    growing = growing_worker_bytes is not None
    room_bytes = growth_room_bytes(base_bytes) + (growing_worker_bytes or 0) if growing else 0
    need_bytes = base_bytes + room_bytes
    request_bytes = round_up_memory(max(need_bytes * MEMORY_FACTOR, need_bytes + MEMORY_MARGIN_BYTES))
    grows = (
        f", and it grows with every request: {room_bytes / 1e6:.0f} MB of room until workers are replaced"
        if growing
        else ""
    )
    reason = (
        f"It needs up to {base_bytes / 1e6:.0f} MB, {when}{grows}; with 15 % or 100 MB of headroom "
        f"({request_bytes // MEBIBYTE} Mi = {request_bytes / 1e9:.2f} GB)."
    )
    size = MemoryRecommendation(request_bytes=request_bytes, limit_bytes=request_bytes, reason=reason)
    return MemoryAnswer(size, need_bytes, base_bytes)


def growth_room_bytes(base_bytes: int) -> int:
    """How much a server that leaks may grow before its workers are replaced."""
    return max(round(base_bytes * _GROWTH_SHARE), MEMORY_MARGIN_BYTES)
