"""What comes of a step of a few seconds in the life of a replica: simulated once, remembered, and drawn again.

A day of a thousand replicas is a hundred thousand million requests, and nearly all of them pass under a load that was
simulated already. So a step is a draw from windows that began alike: at the same load, with as many requests in the
replica. Loads lie on a grid of 1 % of the capacity, and one between two points becomes either, so often that the mean
stays. Of each kind there are so many windows that they hold some ten thousand requests together.

A step of very many requests is simulated for `_MOST` of them: the first half counts as it is, the second stands for
the rest of the step, in which nothing changes any more.

Where services are long against a step, how many requests there are says too little: it matters for how long each is
still to run. There every step is simulated anew, from what the one before has left; few requests fit into it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from random import Random

from plimsoll.deploy.plan.replica.histogram import Buckets, counted, merged
from plimsoll.deploy.plan.replica.model import ReplicaModel
from plimsoll.deploy.plan.replica.present import Present, present_of
from plimsoll.deploy.plan.replica.window import run_window

_MOST = 4000
_ENOUGH, _ENOUGH_OF_A_KIND = 40_000, 20_000
"""At a load; there are several kinds of windows, unless they are so long that it does not matter how they begin."""
_WINDOWS = 200
"""Of one kind at most, however short: they lead to other kinds, which have as many."""
_FORGOTTEN = 20
"""A start that is a twentieth of a long window at most is not told from an empty one: it is soon forgotten."""
_TOLD_APART = 150
_FEW, _RATIO = 12, 1.1
"""Beyond so many points of an even grid each is a tenth above the one before."""
_ROTATIONS = (1, 2, 3, 4, 6, 8, 12, 16)
"""Of more replicas arrivals are hardly more even."""
_LONG_SHARE = 0.1
"""A service of a tenth of a step, or longer, makes every step another."""
_LANES, _LANES_ANEW = 8, 4
_REQUESTS_ANEW = 100
"""Where each step is another, no more requests are simulated in one, as far as a single replica allows."""
_NEARLY_FULL = 0.9
_GRID = (*(point / 100 for point in range(130)), *(1.3 + point / 10 for point in range(28)))
"""Shares of the capacity. What comes beyond the last of them finds no room and is refused, without being simulated."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one step: how many requests came, those answered by latency, those refused, and what is there at its end.

    `under_way` is how many waited or were answered, on average.
    """

    requests: float
    latencies: Buckets
    refused: float
    left: Present
    under_way: float


@dataclass(frozen=True, slots=True)
class _Kind:
    """Windows that begin alike; `load` is a point of the grid, `rotation` as for `run_window`."""

    load: int
    present: int
    rotation: int


@dataclass(slots=True)
class Outcomes:
    """Of one model, in steps of `step_s`. What is drawn depends on `seed` and on who draws, not on earlier draws.

    `simulated` requests were needed so far.
    """

    model: ReplicaModel
    step_s: float
    seed: int
    simulated: int = 0
    _known: dict[tuple[_Kind, int], Outcome] = field(default_factory=dict)
    _anew: bool = field(init=False)

    def __post_init__(self) -> None:
        longest_s = max(self.model.shape.values) * self.model.service_s
        self._anew = self.model.batches is None and longest_s > _LONG_SHARE * self.step_s

    @property
    def lanes(self) -> int:
        """How many replicas to simulate for all."""
        most = self.model.capacity_rps * self.step_s
        return min(_LANES_ANEW, max(1, int(_REQUESTS_ANEW / most))) if self._anew else _LANES

    def draw(self, rate_rps: float, present: Present, random: Random, rotation: int = 1) -> Outcome:
        """One replica under this rate for one step; with others in a rotation, if there is one."""
        rotation = _ROTATIONS[bisect_right(_ROTATIONS, rotation) - 1]
        most_rps = _GRID[-1] * self.model.capacity_rps
        outcome = self._drawn(min(rate_rps, most_rps), present, random, rotation)
        beyond = (rate_rps - most_rps) * self.step_s
        if beyond <= 0:
            return outcome
        return replace(outcome, requests=outcome.requests + beyond, refused=outcome.refused + beyond)

    def _drawn(self, rate_rps: float, present: Present, random: Random, rotation: int) -> Outcome:
        if self._anew:
            return self._simulated(rate_rps, present, random, rotation)
        load = _point(rate_rps / self.model.capacity_rps, random)
        rate_rps = _GRID[load] * self.model.capacity_rps
        requests = min(_MOST, rate_rps * self.step_s)
        kind = _Kind(load, self._begin(load, present.count, requests, random), rotation)
        enough = _ENOUGH if requests >= _MOST else _ENOUGH_OF_A_KIND
        number = int(random.random() * min(_WINDOWS, math.ceil(enough / max(requests, 1.0))))
        outcome = self._known.get((kind, number))
        if outcome is None:
            own = Random(f"{self.seed} {kind.load} {kind.present} {rotation} {number}")  # noqa: S311  repeatable
            outcome = self._simulated(rate_rps, present_of(kind.present, self.model, own), own, rotation)
            self._known[kind, number] = outcome
        return outcome

    def _begin(self, load: int, present: int, requests: float, random: Random) -> int:
        """One of two neighbours on a grid, with the chance that keeps the mean.

        Its points are apart by what is little against all that come in the step, or by a tenth where there are many.
        Few against all that come are soon forgotten, but not near saturation: there they are the beginning of a queue.
        """
        if _GRID[load] < _NEARLY_FULL and requests >= _MOST and present * _FORGOTTEN <= requests:
            return 0
        width = max(1, int(requests) // _TOLD_APART)
        below = present - present % width
        if present > _FEW * width:
            below = int(_RATIO ** int(math.log(present, _RATIO)))
            width = max(int(below * _RATIO) + 1 - below, present - below)
        return below + width if random.random() * width < present - below else below

    def _simulated(self, rate_rps: float, present: Present, random: Random, rotation: int) -> Outcome:
        expected = rate_rps * self.step_s
        seconds = self.step_s if expected <= _MOST or self._anew else _MOST / rate_rps
        window = run_window(self.model, rate_rps, seconds, present, random, rotation)
        known, count = window.latencies_s, len(window.latencies_s)
        self.simulated += count
        half = count // 2
        weight = (expected - half) / (count - half) if seconds < self.step_s and count else 1.0
        parts = ((known[:half], 1.0), (known[half:], weight))
        return Outcome(
            requests=half + weight * (count - half),
            latencies=merged((counted(part), each) for part, each in parts),
            refused=sum(part.count(None) * each for part, each in parts),
            left=window.left,
            under_way=window.under_way,
        )


def _point(share: float, random: Random) -> int:
    upper = min(bisect_right(_GRID, share), len(_GRID) - 1)
    below, above = _GRID[upper - 1], _GRID[upper]
    return upper if random.random() * (above - below) < share - below else upper - 1
