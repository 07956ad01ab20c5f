"""GPU memory that grows: the time until what is recommended is used up, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.host.gpu.nvml import Gpu
from plimsoll.profiling.gpu.answer import GpuNeed, GpuVerdict, recommend_gpu
from plimsoll.profiling.gpu.attribution import Device
from plimsoll.profiling.gpu.growth import growth_sentence, why_unjudged, with_time_to_use_up
from plimsoll.profiling.result.gpu import GpuDeviceResult
from plimsoll.profiling.result.growth import GrowthResult

CARD = Gpu(0, "GPU-0", "NVIDIA H100 80GB HBM3", 80 * 2**30)
NEED = GpuNeed(3_600_000_000, "device")
GROWING = GrowthResult(verdict="growing", bytes_per_1000_requests=100e6, readings=12, requests=4_000)


def verdict(count: int = 1) -> GpuVerdict:
    return GpuVerdict([], recommend_gpu(count, NEED, CARD), None, NEED)


@pytest.mark.parametrize("count", [1, 2])
def test_the_room_is_what_is_recommended_beyond_the_need_on_every_gpu(count: int) -> None:
    found = with_time_to_use_up(GROWING, verdict(count), 50.0)
    assert found is not None
    # 4096 MiB for 3.6 GB, 100 kB for each of 50 requests a second.
    assert found.seconds_to_limit == pytest.approx(count * (4096 * 2**20 - 3.6e9) / (100e3 * 50))
    assert growth_sentence(found) == (
        "the GPU's memory grows with every request, by 100 MB in 1000: at the recommended rate what is recommended is"
        f" used up after {count * (4096 * 2**20 - 3.6e9) / 5e6 / 3600:.2g} hours"
    )


def test_without_a_rate_only_the_growth_is_said() -> None:
    assert with_time_to_use_up(GROWING, verdict(), None) == GROWING
    assert growth_sentence(GROWING) == "the GPU's memory grows with every request, by 100 MB in 1000"


@pytest.mark.parametrize("growth", [None, GrowthResult(verdict="saturating", bytes_per_1000_requests=1e6)])
def test_what_does_not_grow_is_not_warned_of(growth: GrowthResult | None) -> None:
    assert with_time_to_use_up(growth, verdict(), 50.0) == growth
    assert growth_sentence(growth) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"method": "processes"}, "another process"), ({"delta_bytes": 79 * 2**30}, "holds the whole card")],
)
def test_what_is_not_the_models_is_not_judged(changes: dict[str, Any], words: str) -> None:
    content = {"index": 0, "uuid": CARD.uuid, "name": CARD.name, "is_mig_slice": False, "total_bytes": CARD.total_bytes}
    content |= {"baseline_bytes": 0, "delta_bytes": 4 * 2**30, "method": "device", "method_reason": ""}
    device = Device(CARD, True, GpuDeviceResult(**content | changes))
    found = GpuVerdict([device], recommend_gpu(1, NEED, CARD), device, NEED)
    assert words in (why_unjudged(found) or "")
    assert with_time_to_use_up(GROWING, found, 50.0) is None


def test_every_null_of_it_has_its_own_reason() -> None:
    assert "room" in (GROWING.why_null("seconds_to_limit") or "")
    assert "does not grow" in (GrowthResult(verdict="none").why_null("seconds_to_limit") or "")
    assert "seldom" in (GrowthResult(verdict="unresolved").why_null("bytes_per_1000_requests") or "")
