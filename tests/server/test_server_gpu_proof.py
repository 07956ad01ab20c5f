"""What counts as a proof that a worker computes on its GPU, for every way in which a driver may tell."""

from __future__ import annotations

import pytest

from plimsoll.backends.placement import Placement
from plimsoll.host.gpu.nvml import GpuProcess, GpuReading
from plimsoll.server.gpu.proof import fallback, proof

MB = 2**20
EMPTY = GpuReading(used_bytes=100 * MB, processes=())


def reading(used_mb: int | None, *pids: int, listed: bool = True) -> GpuReading:
    processes = tuple(GpuProcess(pid, None) for pid in pids) if listed else None
    return GpuReading(used_bytes=None if used_mb is None else used_mb * MB, processes=processes)


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        (EMPTY, reading(100, 7), True),  # our own number is listed
        (EMPTY, reading(100, 998877), True),  # a number of the host's, which was not there before
        (reading(900, 998877), reading(900, 998877), False),  # somebody else's, there before
        (EMPTY, reading(600), True),  # nothing is listed, but memory is taken
        (EMPTY, reading(110), False),
        (EMPTY, reading(100, listed=False), False),
        (EMPTY, reading(600, listed=False), True),
        (EMPTY, reading(50), None),  # a neighbour has gone
        (EMPTY, reading(None, listed=False), None),
        (reading(None), reading(None), None),
        (reading(None), reading(None, 7), True),
        (None, reading(600), None),
        (EMPTY, GpuReading(lost=True), None),
        (GpuReading(lost=True), reading(600), None),
    ],
)
def test_memory_of_ours(before: GpuReading | None, after: GpuReading, seen: bool | None) -> None:
    assert proof(before, after, {7, 8}) is seen


def placed(*on_gpu: bool | None) -> list[Placement]:
    return [Placement(f"framework {number}", one, "so it says") for number, one in enumerate(on_gpu)]


def test_one_framework_on_the_gpu_is_enough() -> None:
    assert fallback(placed(False, True)) is None
    assert fallback(placed(False, None)) is None
    assert fallback([]) is None
    assert fallback(placed(False, False)) == "framework 0: so it says; framework 1: so it says"
