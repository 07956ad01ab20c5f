"""Room for replicas on one node, by cores, memory, pods, GPUs and slices of them; what is missing for the first."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.replica import Replica
from plimsoll.deploy.fit.reserved import Overrides
from plimsoll.deploy.fit.room import Room, lacks, nearest
from plimsoll.profiling.advice.rounding import GIBIBYTE, MEBIBYTE

SMALL = Replica(millicores=500, memory_bytes=512 * MEBIBYTE)


def node(vcpu: float = 8, gib: int = 32, name: str = "n", **more: Any) -> NodeType:
    return NodeType(name=name, vcpu=vcpu, memory_bytes=gib * GIBIBYTE, **more)


def on_gpu(count: int = 1, gib: int = 10, mig_profile: str | None = None) -> Replica:
    size = gib * GIBIBYTE
    return Replica(millicores=1000, memory_bytes=GIBIBYTE, gpus=count, gpu_memory_bytes=size, mig_profile=mig_profile)


def cards(count: int, gpu: str = "NVIDIA A100 80GB", gib: int = 79, name: str = "n") -> NodeType:
    return node(96, 800, name, gpu=gpu, gpu_count=count, gpu_memory_bytes=gib * GIBIBYTE)


def fits(of: NodeType, replica: Replica) -> tuple[int, str]:
    room = Room.on(of, replica, Overrides())
    return room.fits, room.bound


@pytest.mark.parametrize(
    ("of", "replica", "expected"),
    [
        (node(), SMALL, (16, "cpu")),
        # 100 Mi of 4 GiB are kept back, so the eighth does not fit.
        (node(8, 4), SMALL, (7, "memory")),
        (node(max_pods=5), SMALL, (5, "pods")),
        (cards(4), on_gpu(), (4, "gpu")),
        (cards(4), on_gpu(2), (2, "gpu")),
        (cards(4), on_gpu(3), (1, "gpu")),
        # A card is asked for as a whole: one that is too small does not serve.
        (cards(4, "NVIDIA T4", 15), on_gpu(gib=16), (0, "gpu")),
        (node(), on_gpu(), (0, "gpu")),
        # NVIDIA's MIG user guide: seven, three, two and one of these beside each other on an A100 with 80 GB.
        (cards(2), on_gpu(mig_profile="1g.10gb"), (14, "gpu")),
        (cards(2), on_gpu(mig_profile="2g.20gb"), (6, "gpu")),
        (cards(2), on_gpu(mig_profile="3g.40gb"), (4, "gpu")),
        (cards(2), on_gpu(mig_profile="4g.40gb"), (2, "gpu")),
        # Slices of another card.
        (cards(2), on_gpu(mig_profile="1g.5gb"), (0, "gpu")),
        (cards(2, "NVIDIA T4", 15), on_gpu(mig_profile="1g.10gb"), (0, "gpu")),
    ],
)
def test_what_is_used_up_first(of: NodeType, replica: Replica, expected: tuple[int, str]) -> None:
    assert fits(of, replica) == expected


def test_cores_are_not_rounded_away() -> None:
    """0.1 core thirty times is 3 cores, though the sum of the fractions is a little more in binary."""
    assert fits(node(3), Replica(millicores=100, memory_bytes=MEBIBYTE)) == (30, "cpu")


@pytest.mark.parametrize(
    ("of", "replica", "said"),
    [
        (node(0.25), SMALL, "0.25 cores"),
        (node(8, 1), Replica(millicores=1, memory_bytes=GIBIBYTE), "0.0977 GiB of memory"),
        (node(0.25, 1), Replica(millicores=1250, memory_bytes=3 * GIBIBYTE), "1 core and 2.1 GiB of memory"),
        (node(max_pods=2, provider="aws"), SMALL, "a place for a pod"),
        (cards(1), on_gpu(4), "3 GPUs"),
        (cards(1, "NVIDIA T4", 15), on_gpu(gib=20), "5 GiB of memory on each GPU"),
        (cards(1), on_gpu(8, mig_profile="1g.10gb"), "1 slice 1g.10gb"),
    ],
)
def test_what_is_missing_is_named(of: NodeType, replica: Replica, said: str) -> None:
    assert lacks(Room.on(of, replica, Overrides()), replica) == said


def test_the_nearest_is_the_one_that_would_have_to_grow_least() -> None:
    big = Replica(millicores=20_000, memory_bytes=20 * GIBIBYTE)
    kinds = [node(2, 64, "flat"), node(16, 4, "lean"), node(16, 16, "near"), node(4, 64, "wide")]
    assert nearest([Room.on(kind, big, Overrides()) for kind in kinds], big).node.name == "near"
    kinds = [node(name="none"), cards(1, "NVIDIA T4", 15, name="small"), cards(2, name="cards")]
    wanted = on_gpu(4, 40)
    assert nearest([Room.on(kind, wanted, Overrides()) for kind in kinds], wanted).node.name == "cards"
