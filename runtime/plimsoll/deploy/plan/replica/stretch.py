"""What goes into a stretch of time in the life of one replica, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from plimsoll.deploy.plan.replica.clock import WorkClock
from plimsoll.deploy.plan.replica.deadlines import Deadlines
from plimsoll.deploy.plan.replica.model import ReplicaModel
from plimsoll.deploy.plan.replica.present import Present


@dataclass(frozen=True, slots=True)
class Window:
    """Latencies in seconds in the order of arrival, None for refused; and what is there at the end.

    `under_way` is how many wait or are answered, on average.
    """

    latencies_s: Sequence[float | None]
    left: Present
    under_way: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """`arrivals` go on without an end; those that come within `seconds` count. All are delayed by `added_s`."""

    model: ReplicaModel
    arrivals: Iterator[float]
    seconds: float
    present: Present
    random: Random
    added_s: float
    clock: WorkClock | None
    deadlines: Deadlines | None

    def servers(self) -> list[float]:
        """When each becomes free."""
        busy = self.present.free_s
        return [*busy, *([0.0] * (self.model.servers - len(busy)))]

    def over(self, latencies_s: Sequence[float | None], left: Present) -> Window:
        """With the mean of those under way from Little's law: the time that all of them were there, over the length.

        Their latencies, without what of it belongs to the time after, and with that of those who were there before.
        """
        there_s = sum(filter(None, latencies_s)) + (self.deadlines.in_vain_s if self.deadlines else 0.0)
        there_s += self.present.remaining_s(self.model) - left.remaining_s(self.model)
        return Window(latencies_s, left, max(0.0, there_s / self.seconds))
