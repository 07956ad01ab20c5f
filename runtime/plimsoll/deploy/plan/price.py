"""What replicas cost: by the hour of a node or of a replica, or simply in hours of replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plimsoll.deploy.plan.cluster.course import Course

_MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Prices:
    """At most one of them is known; without any, replica-hours are compared."""

    node: float | None = None
    replica: float | None = None

    @property
    def unit(self) -> Literal["price", "replica-hours"]:
        return "replica-hours" if self.node is None and self.replica is None else "price"

    def of(self, course: Course) -> float:
        """Over the whole of the traffic, in the unit of the prices or in replica-hours."""
        if self.node is not None:
            return self.node * course.node_hours
        return (1.0 if self.replica is None else self.replica) * course.replica_hours

    def per_million(self, course: Course) -> float | None:
        """Of answered requests; None where nothing was answered."""
        answered = course.requests - course.refused
        return self.of(course) / answered * _MILLION if answered else None
