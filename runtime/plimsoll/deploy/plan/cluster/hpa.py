"""The HorizontalPodAutoscaler of Kubernetes, as its controller computes it.

Followed are https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ (algorithm details, default
behaviour) and the controller's source, pkg/controller/podautoscaler: `GetResourceReplicas` for CPU utilisation,
`GetExternalPerPodMetricReplicas` for a metric per pod such as KEDA's, `stabilizeRecommendationWithBehaviors` and
`convertDesiredReplicasWithBehaviorRate` for how fast. Names are those of the API where there are any.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SYNC_PERIOD_S = 15.0
"""--horizontal-pod-autoscaler-sync-period."""
TOLERANCE = 0.1
"""--horizontal-pod-autoscaler-tolerance."""
# Against ratios that differ in the last digit only: 3.0000000001 pods are three.
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Policy:
    """So many pods, or such a share of them, in a period."""

    period_s: float
    pods: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction; of several policies the one that changes most counts (`selectPolicy: Max`)."""

    stabilization_window_s: float
    policies: tuple[Policy, ...]


SCALE_UP = Rules(0.0, (Policy(15.0, share=1.0), Policy(15.0, pods=4)))
SCALE_DOWN = Rules(300.0, (Policy(15.0, share=1.0),))
"""The defaults of autoscaling/v2."""


@dataclass(frozen=True, slots=True)
class Pods:
    """As the controller sees them: with a metric, still without a usable one, and running without any."""

    measured: int
    unready: int = 0
    missing: int = 0

    @property
    def current(self) -> int:
        return self.measured + self.unready + self.missing


def replicas_by_utilisation(pods: Pods, utilisation: float, target: float, tolerance: float = TOLERANCE) -> int:
    """From the mean utilisation of the measured pods, both as shares of the request."""
    if not pods.measured:
        return pods.current
    ratio = utilisation / target
    unready = pods.unready if ratio > 1 else 0
    if not unready and not pods.missing:
        return pods.current if _tolerated(ratio, tolerance) else _whole(ratio * pods.measured)
    counted = pods.measured + unready + (pods.missing if ratio != 1 else 0)
    assumed = pods.missing * max(1.0, target) if ratio < 1 else 0.0
    corrected = (utilisation * pods.measured + assumed) / counted / target
    wanted = _whole(corrected * counted)
    turned = (ratio < 1 < corrected) or (corrected < 1 < ratio)
    backwards = (corrected < 1 and wanted > pods.current) or (corrected > 1 and wanted < pods.current)
    return pods.current if _tolerated(corrected, tolerance) or turned or backwards else wanted


def replicas_by_metric(current: int, total: float, target: float, tolerance: float = TOLERANCE) -> int:
    """From a total of which each pod is to have `target` (`AverageValue`)."""
    if current and _tolerated(total / (target * current), tolerance):
        return current
    return _whole(total / target)


def _tolerated(ratio: float, tolerance: float) -> bool:
    return abs(1 - ratio) <= tolerance


def _whole(replicas: float) -> int:
    return math.ceil(replicas - _HAIR)


@dataclass(frozen=True, slots=True)
class _Change:
    at_s: float
    pods: int


@dataclass(slots=True)
class Behaviour:
    """How a wish becomes a number of replicas: remembers wishes for the windows and changes for the policies."""

    least: int
    most: int
    up: Rules = SCALE_UP
    down: Rules = SCALE_DOWN
    _wishes: list[tuple[float, int]] = field(default_factory=list)
    _changes: list[_Change] = field(default_factory=list)

    def replicas(self, at_s: float, current: int, wished: int) -> int:
        """To be called at every sync, with the wish of that moment."""
        wanted = self._limited(at_s, current, self._stabilized(at_s, current, wished))
        if wanted != current:
            self._changes.append(_Change(at_s, wanted - current))
        return wanted

    def _stabilized(self, at_s: float, current: int, wished: int) -> int:
        """Up to the least and down to the greatest wish of its window."""
        lowest = min([wished, *self._recent(at_s, self.up)])
        highest = max([wished, *self._recent(at_s, self.down)])
        longest_s = max(self.up.stabilization_window_s, self.down.stabilization_window_s)
        self._wishes = [(then_s, wish) for then_s, wish in self._wishes if then_s > at_s - longest_s]
        self._wishes.append((at_s, wished))
        return min(max(current, lowest), highest)

    def _recent(self, at_s: float, rules: Rules) -> list[int]:
        return [wish for then_s, wish in self._wishes if then_s > at_s - rules.stabilization_window_s]

    def _limited(self, at_s: float, current: int, wanted: int) -> int:
        longest_s = max(policy.period_s for policy in (*self.up.policies, *self.down.policies))
        self._changes = [change for change in self._changes if change.at_s > at_s - longest_s]
        if wanted > current:
            fastest = max(self._reach(at_s, current, policy, 1) for policy in self.up.policies)
            wanted = min(wanted, max(current, fastest))
        elif wanted < current:
            slowest = min(self._reach(at_s, current, policy, -1) for policy in self.down.policies)
            wanted = max(wanted, min(current, slowest))
        return min(max(wanted, self.least), self.most)

    def _reach(self, at_s: float, current: int, policy: Policy, sign: int) -> int:
        """How far a policy lets go, counted from what there was when its period began."""
        begin = current - sum(change.pods for change in self._changes if change.at_s > at_s - policy.period_s)
        if policy.pods is not None:
            return begin + sign * policy.pods
        share = 1 + sign * (policy.share or 0.0)
        return _whole(begin * share) if sign > 0 else int(begin * share)
