"""Strikes the server with faults on a seeded schedule, and times how long it takes to be whole again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from storm.faults import _BUSY, Fault
from storm.scene import Scene
from support.server import wait_for

SINGLE_AFTER_S = 11.0
"""A worker that has lived for 10 s is started again at once; one that dies soon waits (plimsoll.workers.backoff)."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Between faults. `quiet_share` of them are so long that the next death is a single one."""

    least_s: float
    most_s: float
    quiet_share: float


LONG = Pauses(0.2, 1.2, 0.08)
SHORT = Pauses(0.1, 0.4, 0.0)


@dataclass(frozen=True, slots=True)
class Strike:
    """`whole_after_s`: from the harm until every worker was ready; None where nothing died.

    `begun`: calls of one slot that it may have cost. `single`: nothing had died in the 11 s before. `complaint` says
    what was not as promised.
    """

    name: str
    deaths: tuple[int, int]
    front_deaths: int
    begun: int
    single: bool
    whole_after_s: float | None
    complaint: str | None


class Injector(threading.Thread):
    """Runs until `stop()`, or until it has struck `most` times; what it has done is in `strikes`."""

    def __init__(
        self,
        scene: Scene,
        faults: Mapping[str, Fault],
        seed: str,
        most: int | None,
        pauses: Pauses,
    ) -> None:
        super().__init__(name="injector")
        self._scene = scene
        self._faults = faults
        self._most = most
        self._pauses = pauses
        self._rng = random.Random(seed)
        self._over = threading.Event()
        self._last_death = float("-inf")
        self.strikes: list[Strike] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while len(self.strikes) != self._most and not self._over.wait(self._pause_s()):
                self._strike()
        except BaseException as failure:
            self.failure = failure

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _pause_s(self) -> float:
        quiet = self._rng.random() < self._pauses.quiet_share
        pause_s = self._rng.uniform(self._pauses.least_s, self._pauses.most_s)
        return SINGLE_AFTER_S if quiet else pause_s

    def _strike(self) -> None:
        (name,) = self._rng.choices(list(self._faults), [fault.weight for fault in self._faults.values()])
        fault = self._faults[name]
        own_rng = random.Random(self._rng.random())  # so that what a fault draws does not shift the schedule
        single = time.monotonic() - self._last_death > SINGLE_AFTER_S
        before = {worker.pid for worker in self._scene.workers()}
        at, found = fault.strike(self._scene, own_rng)
        if fault.deaths[0]:
            # A call that is stuck has its 504 before its worker ends: the calls of its other threads may finish.
            wait_for(lambda: before - {worker.pid for worker in self._scene.workers()}, "the end of a worker")
            at = max(at, time.monotonic()) if fault.own else at
        self._scene.wait_whole()
        now = time.monotonic()
        deadly = fault.deaths[0] + fault.front_deaths > 0
        whole_after_s = now - at if deadly else None
        complaint = _judged(name, fault, found)
        if fault.deaths[1] + fault.front_deaths:
            self._last_death = now
        self.strikes.append(
            Strike(name, fault.deaths, fault.front_deaths, fault.begun, single, whole_after_s, complaint)
        )


def _judged(name: str, fault: Fault, found: str | None) -> str | None:
    if found is None or found in fault.own | _BUSY:
        return None
    if not fault.own and (found == "right" or found[:1] in "45"):
        return None
    return f"the request of the fault {name} ended as {found}"
