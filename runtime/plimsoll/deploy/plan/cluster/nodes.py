"""Nodes that are lost: at a given time, or at random."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Nodes:
    """Each holds up to `replicas` of the deployment. One is lost at each of `lost_s`, and `mtbf_s` apart at random."""

    replicas: int = 1
    lost_s: tuple[float, ...] = ()
    mtbf_s: float | None = None

    def holding(self, replicas: int) -> int:
        """How many nodes so many replicas need."""
        return -(-replicas // self.replicas)


class Losses:
    """Asked in the order of time how many nodes were lost since the time before."""

    def __init__(self, nodes: Nodes, random: Random) -> None:
        self._nodes, self._random = nodes, random
        self._due_s = deque(sorted(nodes.lost_s))
        self._at_s = 0.0

    def until(self, at_s: float, ready: int) -> int:
        """With so many replicas running, by a Poisson process for each of their nodes."""
        count = 0
        while self._due_s and self._due_s[0] <= at_s:
            self._due_s.popleft()
            count += 1
        if self._nodes.mtbf_s is not None:
            expected = self._nodes.holding(ready) * (at_s - self._at_s) / self._nodes.mtbf_s
            passed = self._random.expovariate(1.0)
            while passed < expected:
                count += 1
                passed += self._random.expovariate(1.0)
        self._at_s = at_s
        return count
