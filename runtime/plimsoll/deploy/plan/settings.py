"""The settings that are tried: how many replicas, or who decides on it and by which number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.deploy.plan.cluster.autoscaler import Autoscaler, ByTrigger, ByUtilisation, Fixed, Metrics
from plimsoll.deploy.plan.cluster.hpa import SCALE_DOWN, Behaviour, Rules
from plimsoll.deploy.plan.cluster.keda import Activation
from plimsoll.profiling.advice.configuration import counted
from plimsoll.reports.units import number

Kind = Literal["fixed", "hpa", "keda-rate", "keda-queue"]
_UTILISATIONS = (40, 50, 60, 70, 80, 90)
_RATE_SHARES = (0.6, 0.8, 1.0, 1.2)
_UNDER_WAY_SHARES = (0.5, 1.0, 2.0)
_QUERIES: dict[Kind, Callable[[Metrics], float]] = {
    "keda-rate": attrgetter("rps"),
    "keda-queue": attrgetter("under_way"),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Least and most replicas, and how long the autoscaler looks back before it takes some away."""

    least: int
    most: int
    window_s: float = SCALE_DOWN.stabilization_window_s


@dataclass(frozen=True, slots=True)
class Setting:
    """`value`: replicas, per cent of the CPU request, or requests/s or requests under way for each replica."""

    kind: Kind
    value: float

    def __str__(self) -> str:
        if self.kind == "fixed":
            return counted(self.value, "replica")
        if self.kind == "hpa":
            return f"HPA, {self.value:g} % CPU"
        what = "requests/s" if self.kind == "keda-rate" else "under way"
        return f"KEDA, {number(self.value)} {what} each"

    def autoscaler(self, bounds: Bounds) -> Autoscaler:
        """A new one, which remembers nothing yet."""
        if self.kind == "fixed":
            return Fixed(int(self.value))
        down = Rules(bounds.window_s, SCALE_DOWN.policies)
        behaviour = Behaviour(max(1, bounds.least), bounds.most, down=down)
        if self.kind == "hpa":
            return ByUtilisation(self.value / 100, behaviour)
        return ByTrigger(_QUERIES[self.kind], self.value, behaviour, Activation(bounds.least))

    def begins_with(self, bounds: Bounds, needed: int) -> int:
        """As if it had been going on before; `needed` replicas carry the first rate."""
        return int(self.value) if self.kind == "fixed" else min(max(needed, bounds.least), bounds.most)


def autoscaled(needs: ReplicaNeeds, under_way: float, least: int) -> Iterator[Setting]:
    """What is tried where nobody says what to try: around the operating point, with `under_way` requests at it.

    The HPA never scales to zero, and where nothing runs nothing is under way that would bring it back.
    """
    if least > 0:
        for target in sorted({*_UTILISATIONS, measured_utilisation(needs)}):
            yield Setting("hpa", target)
    yield from (Setting("keda-rate", share * needs.rate_rps) for share in _RATE_SHARES)
    if least > 0:
        yield from (Setting("keda-queue", share * under_way) for share in _UNDER_WAY_SHARES)


def measured_utilisation(needs: ReplicaNeeds) -> int:
    """Of the CPU request, in per cent, at the rate at which it was proved."""
    return max(1, math.floor(100 * needs.used_cores / needs.request_cores))
