"""How replicas lie on nodes when they are spread evenly (`topologySpreadConstraints` by host), and how many survive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Group = tuple[int, int]
"""So many replicas on (or: room for so many on) each of so many nodes."""


def even_spread(replicas: int, rooms: Iterable[Group]) -> list[Group]:
    """The least full nodes first; as even as the rooms allow, which must hold all."""
    loads: list[Group] = []
    groups, left = sorted(rooms), replicas
    for place, (room, count) in enumerate(groups):
        nodes = sum(others for _, others in groups[place:])
        share, more = divmod(left, nodes)
        if share < room:
            return [*loads, (share, nodes - more), (share + 1, more)]
        loads.append((room, count))
        left -= room * count
    return loads


def surviving(replicas: int, rooms: Sequence[Group], lost_nodes: int) -> int:
    """That still run when the fullest nodes are lost."""
    running, lost = replicas, lost_nodes
    for load, count in reversed(even_spread(replicas, rooms)):
        running -= load * min(count, lost)
        lost -= min(count, lost)
    return running


def replicas_to_run(needed: int, rooms: Sequence[Group], lost_nodes: int) -> int:
    """The fewest of which `needed` survive; what remains of the rooms must hold as many."""
    fewest, most = needed, sum(room * count for room, count in rooms)
    while fewest < most:
        between = (fewest + most) // 2
        if surviving(between, rooms, lost_nodes) < needed:
            fewest = between + 1
        else:
            most = between
    return fewest
