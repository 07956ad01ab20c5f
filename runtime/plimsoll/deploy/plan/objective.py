"""What a setting must keep to be chosen."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.deploy.plan.cluster.course import Course
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.latency import MOST_FAILED_SHARE


@dataclass(frozen=True, slots=True)
class Objective:
    """Over the whole of the traffic. Without an SLO only as many requests may fail as a profile tolerates."""

    slo: Slo | None

    def kept(self, course: Course) -> bool:
        if self.slo is None:
            return course.refused_share <= MOST_FAILED_SHARE
        return course.share_within(self.slo.seconds) >= self.slo.share

    @property
    def share(self) -> float:
        """The percentile that is spoken of, 0 to 1."""
        return self.slo.share if self.slo else 0.99

    def __str__(self) -> str:
        return str(self.slo) if self.slo else f"at most {MOST_FAILED_SHARE:.0%} refused"
