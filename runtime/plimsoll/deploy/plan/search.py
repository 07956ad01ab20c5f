"""Tries settings and finds the cheapest that keeps the objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.deploy.plan.cluster.course import Course
from plimsoll.deploy.plan.cluster.trial import Scene, run_trial
from plimsoll.deploy.plan.objective import Objective
from plimsoll.deploy.plan.price import Prices
from plimsoll.deploy.plan.settings import Bounds, Setting

_MULTIPLES = (1, 2, 4)
_CLOSE_ENOUGH = 0.01
"""The least number of fixed replicas is looked for to 1 %."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting, what came of it, and whether that keeps the objective."""

    setting: Setting
    course: Course
    cost: float
    kept: bool


@dataclass(slots=True)
class Search:
    """Every setting is tried once, all of them under the same traffic."""

    scene: Scene
    needs: ReplicaNeeds
    bounds: Bounds
    objective: Objective
    prices: Prices
    _tried: dict[Setting, Tried] = field(default_factory=dict)

    def attempt(self, setting: Setting) -> Tried:
        if setting not in self._tried:
            needed = self.needs.replicas_for(self.scene.traffic.rate_rps(0.0))
            begins_with = setting.begins_with(self.bounds, needed)
            course = run_trial(self.scene, setting.autoscaler(self.bounds), begins_with)
            self._tried[setting] = Tried(setting, course, self.prices.of(course), self.objective.kept(course))
        return self._tried[setting]

    def fixed(self) -> list[Tried]:
        """As many as the profile asks for at the peak, and the fewest that keep the objective, if any do."""
        formula = self.needs.replicas_for(self.scene.traffic.most_rps)
        high = next((formula * times for times in _MULTIPLES if self._count(formula * times).kept), None)
        if high is None:
            return [self._count(formula * times) for times in _MULTIPLES]
        low = 0 if high == formula else high // 2
        while high - low > max(1, _CLOSE_ENOUGH * high):
            middle = (low + high) // 2
            low, high = (low, middle) if self._count(middle).kept else (middle, high)
        return [self._count(count) for count in sorted({formula, high})]

    def _count(self, replicas: int) -> Tried:
        return self.attempt(Setting("fixed", replicas))


def cheapest(tried: Sequence[Tried]) -> Tried | None:
    """Of those that keep the objective; of equals, the one with more requests answered, then the first."""
    return min((each for each in tried if each.kept), key=lambda each: (each.cost, each.course.refused), default=None)
