"""The pods of one deployment: counted, not listed, so that ten thousand cost no more than ten.

One that was ordered is ready `start_s` later, and measured by the autoscaler a while after that. One on a lost node
stays among the endpoints until the node is noticed, and what is sent to it is lost; another is made when it is evicted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from plimsoll.deploy.plan.cluster.hpa import Pods

NOTICED_S = 50.0
"""--node-monitor-grace-period of the controller manager since Kubernetes 1.32 (40 s before)."""
EVICTED_S = NOTICED_S + 300.0
"""And --default-unreachable-toleration-seconds of the API server."""


@dataclass(slots=True)
class _Group:
    """Pods to which the same happened at the same time."""

    pods: int
    since_s: float


@dataclass(slots=True)
class Fleet:
    """`ready` pods serve; a pod on a lost node counts as ordered until it is evicted."""

    start_s: float
    measured_after_s: float
    ready: int
    _starting: list[_Group] = field(default_factory=list)
    _young: list[_Group] = field(default_factory=list)
    _lost: list[_Group] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """As ordered."""
        return self.ready + _count(self._starting) + _count(self._lost)

    def unnoticed(self, at_s: float) -> int:
        """Gone, but still among the endpoints."""
        return _count(group for group in self._lost if at_s < group.since_s + NOTICED_S) if self._lost else 0

    def seen(self) -> Pods:
        """By the autoscaler."""
        young = _count(self._young)
        return Pods(self.ready - young, young + _count(self._starting), _count(self._lost))

    def advance(self, at_s: float) -> int:
        """What has happened until now; how many pods became ready."""
        self._young, _ = _split(self._young, at_s - self.measured_after_s)
        self._lost, evicted = _split(self._lost, at_s - EVICTED_S)
        self._order(at_s, evicted)
        self._starting, arrived = _split(self._starting, at_s - self.start_s)
        if arrived:
            self.ready += arrived
            self._young.append(_Group(arrived, at_s))
        return arrived

    def scale(self, at_s: float, replicas: int) -> None:
        """Up or down to so many. Pods that are not ready go first, as ReplicaSets choose, then the youngest."""
        self._order(at_s, replicas - self.wanted)
        surplus = _taken(self._lost, _taken(self._starting, self.wanted - replicas))
        self._drop(surplus)

    def lose(self, at_s: float, pods: int) -> None:
        """So many of the ready ones, with their nodes."""
        pods = min(pods, self.ready)
        if pods:
            self._drop(pods)
            self._lost.append(_Group(pods, at_s))

    def _order(self, at_s: float, pods: int) -> None:
        if pods > 0:
            self._starting.append(_Group(pods, at_s))

    def _drop(self, pods: int) -> None:
        self.ready -= pods
        _taken(self._young, pods)


def _count(groups: Iterable[_Group]) -> int:
    return sum(group.pods for group in groups)


def _split(groups: list[_Group], until_s: float) -> tuple[list[_Group], int]:
    """Those that are younger, and how many pods are not."""
    younger = [group for group in groups if group.since_s > until_s]
    return younger, _count(groups) - _count(younger)


def _taken(groups: list[_Group], pods: int) -> int:
    """Removes so many, the last group first; how many there were too few."""
    pods = max(pods, 0)
    while groups and pods:
        taken = min(pods, groups[-1].pods)
        groups[-1].pods -= taken
        pods -= taken
        if not groups[-1].pods:
            groups.pop()
    return pods
