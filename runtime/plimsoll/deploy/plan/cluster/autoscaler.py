"""What decides on the number of replicas: nobody, the HPA by CPU, or KEDA by the rate or by what is under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from plimsoll.deploy.plan.cluster.hpa import Behaviour, Pods, replicas_by_metric, replicas_by_utilisation
from plimsoll.deploy.plan.cluster.keda import Activation


@dataclass(frozen=True, slots=True)
class Metrics:
    """As they are known, which is late: CPU as a share of the request; requests/s and those under way of all pods."""

    utilisation: float
    rps: float
    under_way: float


class Autoscaler(Protocol):
    """Asked at every sync, in the order of time."""

    def replicas(self, at_s: float, pods: Pods, metrics: Metrics) -> int: ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A Deployment without an autoscaler."""

    count: int

    def replicas(self, at_s: float, pods: Pods, metrics: Metrics) -> int:
        return self.count


@dataclass(frozen=True, slots=True)
class ByUtilisation:
    """`target` is a share of the CPU request, which averageUtilization gives in per cent."""

    target: float
    behaviour: Behaviour

    def replicas(self, at_s: float, pods: Pods, metrics: Metrics) -> int:
        wished = replicas_by_utilisation(pods, metrics.utilisation, self.target)
        return self.behaviour.replicas(at_s, pods.current, wished)


@dataclass(frozen=True, slots=True)
class ByTrigger:
    """`read` is the trigger's query; each pod is to have `target` of its answer."""

    read: Callable[[Metrics], float]
    target: float
    behaviour: Behaviour
    activation: Activation

    def replicas(self, at_s: float, pods: Pods, metrics: Metrics) -> int:
        total = self.read(metrics)
        current = self.activation.replicas(at_s, pods.current, total)
        if 0 in (current, pods.current):
            return current
        return self.behaviour.replicas(at_s, current, replicas_by_metric(current, total, self.target))
