"""Replicas spread evenly over nodes with limited room, compared with dealing them out one at a time."""

from __future__ import annotations

import random

from plimsoll.deploy.fit.spread import even_spread, replicas_to_run, surviving


def dealt(replicas: int, rooms: list[int]) -> list[int]:
    """Each replica goes to the least full node that has room, as the scheduler does with `maxSkew: 1`."""
    loads = [0] * len(rooms)
    for _ in range(replicas):
        node = min((node for node in range(len(rooms)) if loads[node] < rooms[node]), key=lambda node: loads[node])
        loads[node] += 1
    return sorted(loads)


def test_as_a_scheduler_deals_them_out() -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(300):
        groups = [(chance.randint(1, 9), chance.randint(1, 4)) for _ in range(chance.randint(1, 2))]
        rooms = [room for room, count in groups for _ in range(count)]
        replicas, lost = chance.randint(0, sum(rooms)), chance.randint(0, len(rooms))
        found = [load for load, count in even_spread(replicas, groups) for _ in range(count)]
        assert found == dealt(replicas, rooms)
        assert surviving(replicas, groups, lost) == sum(dealt(replicas, rooms)[: len(rooms) - lost])


def test_the_fewest_of_which_enough_survive() -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(300):
        room, count, lost = chance.randint(1, 6), chance.randint(3, 6), chance.randint(0, 2)
        needed = chance.randint(1, room * (count - lost))
        rooms = [room] * count
        enough = (some for some in range(needed, room * count + 1) if sum(dealt(some, rooms)[: count - lost]) >= needed)
        assert replicas_to_run(needed, [(room, count)], lost) == next(enough)
