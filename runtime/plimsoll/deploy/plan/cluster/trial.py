"""One setting under the traffic, from the first minute to the last, in steps of 5 s or as short as its own.

Every replica gets an equal part of the requests: at random, as a Service without session affinity balances, or in turn.
Up to eight replicas are simulated, each for an equal part of all; the autoscaler sees the numbers of all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from plimsoll.deploy.plan.cluster.autoscaler import Autoscaler, Metrics
from plimsoll.deploy.plan.cluster.course import Course, Span, course_of
from plimsoll.deploy.plan.cluster.fleet import Fleet
from plimsoll.deploy.plan.cluster.hpa import SYNC_PERIOD_S
from plimsoll.deploy.plan.cluster.nodes import Losses, Nodes
from plimsoll.deploy.plan.cluster.signals import Signals
from plimsoll.deploy.plan.cluster.traffic import Traffic
from plimsoll.deploy.plan.replica.outcomes import Outcomes
from plimsoll.deploy.plan.replica.present import Present

STEP_S = 5.0
_POINTS = 240


def step_of(traffic: Traffic) -> float:
    """Seconds, of which a whole number fills a step of the traffic: `STEP_S` at most."""
    return traffic.step_s / math.ceil(traffic.step_s / STEP_S)


@dataclass(frozen=True, slots=True)
class CpuUse:
    """Cores that one replica keeps busy at a rate: linear between the rates at which they were measured."""

    points: tuple[tuple[float, float], ...]

    def cores(self, rate_rps: float) -> float:
        for (low_rps, low), (high_rps, high) in pairwise(self.points):
            if rate_rps <= high_rps:
                return low + (high - low) * (rate_rps - low_rps) / (high_rps - low_rps)
        return self.points[-1][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What all trials of a plan have in common. A pod is ready `start_s` after it was ordered."""

    traffic: Traffic
    outcomes: Outcomes
    cpu: CpuUse
    request_cores: float
    start_s: float
    metrics_delay_s: float
    nodes: Nodes
    seed: int
    in_turn: bool = False


def run_trial(scene: Scene, autoscaler: Autoscaler, replicas: int) -> Course:
    """Begins with so many replicas, all of them ready."""
    return _Trial(scene, autoscaler, replicas).run()


class _Trial:
    def __init__(self, scene: Scene, autoscaler: Autoscaler, replicas: int) -> None:
        self._scene, self._autoscaler = scene, autoscaler
        # A pod counts for the HPA once a whole window of its CPU use is known.
        self._fleet = Fleet(scene.start_s, SYNC_PERIOD_S + scene.metrics_delay_s, replicas)
        self._random = Random(scene.seed)  # noqa: S311  a simulation must be repeatable
        self._losses = Losses(scene.nodes, Random(scene.seed + 1))  # noqa: S311
        self._signals = Signals(scene.metrics_delay_s)
        self._lanes = [Present()] * scene.outcomes.lanes
        self._spans: list[Span] = []
        self._least = self._most = replicas

    def run(self) -> Course:
        step_s = self._scene.outcomes.step_s
        steps = max(1, round(self._scene.traffic.seconds / step_s))
        per_span, next_sync_s = -(-steps // _POINTS), SYNC_PERIOD_S
        for step in range(steps):
            at_s = step * step_s
            if step % per_span == 0:
                self._spans.append(Span(at_s))
            self._happen(at_s)
            if at_s >= next_sync_s:
                next_sync_s += SYNC_PERIOD_S
                self._sync(at_s)
            self._serve(at_s, step_s)
        return course_of(self._spans, self._least, self._most)

    def _happen(self, at_s: float) -> None:
        """Nodes are lost, pods become ready: with nothing to do yet."""
        lost = self._losses.until(at_s, self._fleet.ready)
        self._fleet.lose(at_s, lost * self._scene.nodes.replicas)
        arrived = self._fleet.advance(at_s)
        if arrived:
            share = arrived / self._fleet.ready
            self._lanes = [Present() if self._random.random() < share else present for present in self._lanes]

    def _sync(self, at_s: float) -> None:
        wanted = self._autoscaler.replicas(at_s, self._fleet.seen(), self._signals.at(at_s))
        self._fleet.scale(at_s, wanted)
        self._least, self._most = min(self._least, wanted), max(self._most, wanted)

    def _serve(self, at_s: float, step_s: float) -> None:
        scene, fleet, span = self._scene, self._fleet, self._spans[-1]
        rate_rps, gone = scene.traffic.rate_rps(at_s), fleet.unnoticed(at_s)
        endpoints = fleet.ready + gone
        each_rps = rate_rps / endpoints if endpoints else 0.0
        under_way = self._answer(each_rps, span)
        lost = rate_rps * step_s * (gone / endpoints if endpoints else 1.0)
        span.requests += lost
        span.refused += lost
        span.seconds += step_s
        span.replica_s += fleet.wanted * step_s
        span.ready_s += fleet.ready * step_s
        span.node_s += scene.nodes.holding(fleet.wanted) * step_s
        utilisation = scene.cpu.cores(each_rps) / scene.request_cores
        self._signals.note(at_s + step_s, Metrics(utilisation, rate_rps, under_way))

    def _answer(self, each_rps: float, span: Span) -> float:
        """All lanes go on by a step; how many requests are under way in all replicas."""
        ready = self._fleet.ready
        count = min(ready, len(self._lanes))
        rotation = ready if self._scene.in_turn else 1
        under_way = 0.0
        for lane in range(count):
            outcome = self._scene.outcomes.draw(each_rps, self._lanes[lane], self._random, rotation)
            self._lanes[lane] = outcome.left
            span.add(outcome, ready / count)
            under_way += outcome.under_way
        # Of fewer replicas than lanes, those that come back begin with nothing to do.
        self._lanes[count:] = [Present()] * (len(self._lanes) - count)
        return under_way * ready / count if count else 0.0
