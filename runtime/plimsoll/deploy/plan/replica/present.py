"""What is in a replica between two stretches of time."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heapreplace
from random import Random

from plimsoll.deploy.plan.replica.model import BatchTimes, ReplicaModel


@dataclass(frozen=True, slots=True)
class Present:
    """When the busy servers become free, and what waits: seconds from the beginning of a stretch.

    Of single calls that wait it is known when each will begin (`waiting_s`, in their order), of those that will go into
    batches when each came, which is before (`came_s`).
    """

    free_s: tuple[float, ...] = ()
    waiting_s: tuple[float, ...] = ()
    came_s: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """Busy servers, and calls that wait."""
        return len(self.free_s) + len(self.waiting_s) + len(self.came_s)

    def remaining_s(self, model: ReplicaModel) -> float:
        """Over all calls, how long they will still be there, about."""
        if model.batches is not None:
            return _remaining_in_batches_s(self, model.batches, model.servers) * model.slowdown
        waiting_s = sum(self.waiting_s) + len(self.waiting_s) * model.service_s
        return (sum(self.free_s) + waiting_s) * model.slowdown


def present_of(count: int, model: ReplicaModel, random: Random) -> Present:
    """So many, of which those in service began at any time before."""
    busy = min(count, model.servers)
    if model.batches is not None:
        return _batches_of(busy, count - busy, model, model.batches, random)
    ends_s = [model.shape.residual(random) * model.service_s for _ in range(busy)]
    heapify(ends_s)
    waiting_s = []
    for _ in range(count - busy):
        waiting_s.append(ends_s[0])
        heapreplace(ends_s, ends_s[0] + random.choice(model.shape.values) * model.service_s)
    return Present(tuple(ends_s), tuple(waiting_s))


def _batches_of(busy: int, waiting: int, model: ReplicaModel, times: BatchTimes, random: Random) -> Present:
    """Who waits came while the batches ran that run now, half of whose time is over: they are as large, twice."""
    run_s = times.run_s(_likely_size(waiting, model.servers, times))
    free_s = (run_s * random.random() for _ in range(busy))
    came_s = sorted(-run_s * random.random() for _ in range(waiting))
    return Present(tuple(free_s), came_s=tuple(came_s))


def _likely_size(waiting: int, servers: int, times: BatchTimes) -> float:
    return min(max(1.0, 2 * waiting / servers), times.largest)


def _remaining_in_batches_s(present: Present, times: BatchTimes, servers: int) -> float:
    waiting = len(present.came_s)
    size = _likely_size(waiting, servers, times)
    run_s = times.run_s(size)
    turns = waiting / size / servers
    return size * sum(present.free_s) + waiting * run_s * (1 + turns / 2)
