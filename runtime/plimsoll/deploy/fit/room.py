"""How many replicas one node has room for, and what it lacks for the first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.replica import Replica
from plimsoll.deploy.fit.reserved import Free, Overrides, free_for_replicas
from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.advice.rounding import GIBIBYTE
from plimsoll.profiling.gpu.mig import slices_per_card

Bound = Literal["cpu", "memory", "gpu", "pods"]


@dataclass(frozen=True)
class Room:
    """`fits` replicas; `bound` names what is used up first."""

    node: NodeType
    free: Free
    fits: int
    bound: Bound

    @classmethod
    def on(cls, node: NodeType, replica: Replica, known: Overrides) -> Room:
        free = free_for_replicas(node, known)
        places: dict[Bound, int] = {
            "cpu": free.millicores // replica.millicores,
            "memory": free.memory_bytes // replica.memory_bytes,
            "pods": free.pods,
        }
        if replica.gpus:
            places["gpu"] = gpu_places(node, replica) // replica.gpus
        bound = min(places, key=lambda name: places[name])
        return cls(node, free, places[bound], bound)


def gpu_places(node: NodeType, replica: Replica) -> int:
    """GPUs, or slices of them, that one replica could use."""
    size_bytes = node.gpu_memory_bytes
    if replica.mig_profile is not None:
        return node.gpu_count * slices_per_card(node.gpu or "", size_bytes or 0, replica.mig_profile)
    enough = size_bytes is None or (replica.gpu_memory_bytes or 0) <= size_bytes
    return node.gpu_count if enough else 0


def nearest(rooms: Iterable[Room], replica: Replica) -> Room:
    """The one that would have to grow least."""
    return min(rooms, key=lambda room: _growth(room, replica))


def _growth(room: Room, replica: Replica) -> float:
    free, node = room.free, room.node
    pairs: list[tuple[int, float]] = [
        (replica.millicores, free.millicores),
        (replica.memory_bytes, free.memory_bytes),
        (1, free.pods),
    ]
    if replica.gpus:
        pairs.append((replica.gpus, gpu_places(node, replica) or _as_much_as_it_has(node, replica)))
    return max(need / has if has else math.inf for need, has in pairs)


def _as_much_as_it_has(node: NodeType, replica: Replica) -> float:
    """Cards that are too small count by their memory."""
    if replica.mig_profile is not None or not replica.gpu_memory_bytes:
        return 0.0
    return node.gpu_count * (node.gpu_memory_bytes or 0) / replica.gpu_memory_bytes


def lacks(room: Room, replica: Replica) -> str:
    """`0.35 cores and 1.2 GiB of memory`: what one replica would still need there."""
    free, missing = room.free, []
    if replica.millicores > free.millicores:
        missing.append(counted(round((replica.millicores - free.millicores) / 1000, 3), "core"))
    if replica.memory_bytes > free.memory_bytes:
        missing.append(f"{_gib(replica.memory_bytes - free.memory_bytes)} of memory")
    if not free.pods:
        missing.append("a place for a pod")
    missing += _lacks_of_gpu(room.node, replica)
    return " and ".join(missing)


def _lacks_of_gpu(node: NodeType, replica: Replica) -> list[str]:
    places = gpu_places(node, replica) if replica.gpus else 0
    if places >= replica.gpus:
        return []
    if replica.mig_profile is not None:
        return [f"{counted(replica.gpus - places, 'slice')} {replica.mig_profile}"]
    if places < node.gpu_count:
        short_bytes = (replica.gpu_memory_bytes or 0) - (node.gpu_memory_bytes or 0)
        return [f"{_gib(short_bytes)} of memory on each GPU"]
    return [counted(replica.gpus - node.gpu_count, "GPU")]


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIBIBYTE:.3g} GiB"
