"""GPU memory that grows with every request: when what is recommended is used up, and a sentence about it."""

from __future__ import annotations

from plimsoll.profiling.gpu.answer import GpuVerdict, takes_all
from plimsoll.profiling.result.growth import GrowthResult

_HOUR_S = 3600.0


def with_time_to_use_up(
    growth: GrowthResult | None, verdict: GpuVerdict, rate_rps: float | None
) -> GrowthResult | None:
    """At the rate that the replica is meant to carry, from what it needs now; None where nothing is to be said."""
    if growth is None or why_unjudged(verdict):
        return None
    return growth.using_up(_room_bytes(verdict), rate_rps)


def why_unjudged(verdict: GpuVerdict) -> str | None:
    """The readings are of all that is in use on the GPUs."""
    used = [device for device in verdict.devices if device.used]
    if any(takes_all(device) for device in used):
        return "a framework holds the whole card: what is in use says nothing of the model"
    if any(device.result.method == "processes" for device in used):
        return "another process uses the GPU too, so what is in use is not the model's alone"
    return None


def _room_bytes(verdict: GpuVerdict) -> int | None:
    """On all GPUs together, between the need and the recommendation; None where there is none."""
    if verdict.answer is None or verdict.answer.memory_bytes is None or verdict.need is None:
        return None
    return verdict.answer.count * max(0, verdict.answer.memory_bytes - verdict.need.with_context_bytes) or None


def growth_sentence(growth: GrowthResult | None) -> str | None:
    """A warning; None where it does not grow."""
    if growth is None or growth.verdict != "growing" or growth.bytes_per_1000_requests is None:
        return None
    sentence = f"the GPU's memory grows with every request, by {growth.bytes_per_1000_requests / 1e6:.3g} MB in 1000"
    if growth.seconds_to_limit is None:
        return sentence
    hours = growth.seconds_to_limit / _HOUR_S
    return f"{sentence}: at the recommended rate what is recommended is used up after {hours:.2g} hours"
