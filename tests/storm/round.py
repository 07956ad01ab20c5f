"""One round of the storm: a fresh server of one shape, a load, a schedule of faults, and the reckoning."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from storm import audit
from storm.injector import Injector, Strike
from storm.load import Load
from storm.scene import MARK, Footprint, Scene, footprint
from storm.shapes import Shape, prepared
from support.server import Server, wait_for

_LEFTOVERS_S = 20.0
_SETTLED_S = 20.0
"""Bounds against waiting for ever for what ought to be soon; a busy machine may be slow."""


@dataclass(frozen=True, slots=True)
class Result:
    """Of one round; `cpu_s` of the generator, and of the server where its front lived on."""

    shape: Shape
    seed: str
    started: int
    outcomes: Counter[str]
    strikes: list[Strike]
    deaths: int
    seconds: float
    start_s: float
    longest_s: float
    generator_cpu_s: float
    server_cpu_s: float
    grown_bytes: dict[str, int]
    complaints: list[str]


Progress = Callable[[Shape, dict[str, Any], int], None]


@dataclass(frozen=True, slots=True)
class Extent:
    """A round is over after so many requests, seconds or strikes, whichever come first."""

    requests: int = 10**9
    seconds: float = float("inf")
    strikes: int | None = None


def play(shape: Shape, seed: str, folder: Path, extent: Extent, progress: Progress = lambda *_: None) -> Result:
    """Runs one round."""
    script = prepared(folder, batched=shape.batched)
    mark = f"{os.getpid()}-{seed}-{shape.name}".replace(" ", "-")
    begun_at = time.monotonic()
    with Server(script, *shape.flags, env={MARK: mark, **shape.environment}) as server:
        start_s = time.monotonic() - begun_at
        scene = Scene(server, mark, shape.workers, shape.threads, random.Random(f"{seed} scene"))
        scene.wait_whole()
        return _Round(shape, seed, scene, start_s).play(extent, progress)


class _Round:
    def __init__(self, shape: Shape, seed: str, scene: Scene, start_s: float) -> None:
        self._shape = shape
        self._seed = seed
        self._scene = scene
        self._start_s = start_s
        self._complaints: list[str] = []

    def play(self, extent: Extent, progress: Progress) -> Result:
        shape, scene = self._shape, self._scene
        self._warm_up(100 if shape.faults else min(10_000, extent.requests // 4))
        footprints = self._footprints()
        before = scene.samples()
        began = time.monotonic()
        load = Load(scene.server.port, self._seed, shape, extent.requests)
        injector = Injector(scene, shape.faults, f"{self._seed} faults", extent.strikes, shape.pauses)
        if shape.faults:
            injector.start()
        while not load.over and time.monotonic() < began + extent.seconds and (not shape.faults or injector.is_alive()):
            time.sleep(0.2)
            progress(shape, load.told, len(injector.strikes))
        if shape.faults:
            injector.stop()
        told = load.stop()
        took_s = time.monotonic() - began
        return self._reckoned(told, injector, before, footprints, took_s)

    def _warm_up(self, count: int) -> None:
        self._run("warm", self._shape, count)
        if not self._shape.faults:
            self._end_small()
        self._scene.wait_idle()

    def _run(self, name: str, shape: Shape, count: int) -> None:
        load = Load(self._scene.server.port, f"{self._seed} {name}", shape, count)
        wait_for(lambda: load.over, f"the end of the load {name!r}", 300)
        load.stop()

    def _reckoned(
        self,
        told: dict[str, Any],
        injector: Injector,
        before: audit.Samples,
        footprints: dict[str, Footprint],
        took_s: float,
    ) -> Result:
        shape, scene, strikes = self._shape, self._scene, injector.strikes
        if injector.failure is not None:
            self._complain(f"the server did not get over a fault: {injector.failure!r}")
        self._try(scene.wait_whole)
        self._try(scene.wait_idle)
        outcomes, after = Counter(told["outcomes"]), scene.samples()
        deaths = self._judge_answers(told, outcomes, strikes, before, after)
        self._complain(*audit.complaints_of_recovery(strikes, self._start_s))
        if not shape.faults:
            self._end_small()
        now = self._settled(footprints)
        self._complain(*audit.complaints_of_footprints(footprints, now))
        grown = {
            name: now[name].anonymous_bytes - footprints[name].anonymous_bytes for name in footprints if name in now
        }
        if not shape.faults:
            self._complain(*audit.complaints_of_growth(grown, told["started"]))
        self._end()
        self._complain(*audit.complaints_of_log(scene.server.log()))
        return Result(
            shape, self._seed, told["started"], outcomes, strikes, deaths, took_s, self._start_s, told["longest_s"],
            told["cpu_s"], _cpu_s(after) - _cpu_s(before), grown, self._complaints,
        )  # fmt: skip

    def _judge_answers(
        self,
        told: dict[str, Any],
        outcomes: Counter[str],
        strikes: list[Strike],
        before: audit.Samples,
        after: audit.Samples,
    ) -> int:
        """How many workers have died; where the front has, only the faults can tell."""
        shape = self._shape
        front_lived = not any(strike.front_deaths for strike in strikes)
        deaths = audit.deaths_between(before, after) if front_lived else sum(one.deaths[1] for one in strikes)
        self._complain(*(f"{key}: {what}" for key, what in told["examples"].items()))
        self._complain(*(strike.complaint for strike in strikes if strike.complaint))
        self._complain(*audit.complaints_of_clients(outcomes, deaths, strikes, shape.lanes, shape.per_death))
        if front_lived:
            self._complain(*audit.complaints_of_metrics(before, after, outcomes + self._scene.outcomes, strikes))
        return deaths

    def _footprints(self) -> dict[str, Footprint]:
        scene = self._scene
        master = psutil.Process(scene.server.process.pid)
        found = {"master": footprint(master), "front": footprint(scene.front())}
        workers = scene.workers()
        return found | {f"worker {number}": footprint(worker) for number, worker in enumerate(workers)}

    def _end_small(self) -> None:
        """A slot holds on to its last call until the next comes: let that be a small one."""
        self._run("small", replace(self._shape, only=("work",), departures=0.0, lanes=8), 100)

    def _settled(self, before: dict[str, Footprint]) -> dict[str, Footprint]:
        """The server takes a moment to see that a client has closed its connection."""
        deadline = time.monotonic() + _SETTLED_S
        while audit.complaints_of_footprints(before, now := self._footprints()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return now

    def _end(self) -> None:
        """Whatever the server and its scripts have started ends with it."""
        server, scene = self._scene.server, self._scene
        server.signal(self._shape.ending)
        code = server.wait_exit()
        expected = 0 if self._shape.ending is signal.SIGTERM else -self._shape.ending
        if code != expected:
            self._complain(f"exit code {code}")
        deadline = time.monotonic() + _LEFTOVERS_S
        while (left := scene.marked()) and time.monotonic() < deadline:
            time.sleep(0.05)
        if left:
            names = Counter(" ".join(process.cmdline()) for process in left)
            self._complain(f"{len(left)} processes outlive the server: {dict(names)}")
        for process in left:
            process.kill()

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except AssertionError as failure:
            self._complain(str(failure))

    def _complain(self, *complaints: str) -> None:
        self._complaints += complaints


def _cpu_s(samples: audit.Samples) -> float:
    return sum(value for (name, _), value in samples.items() if name == "plimsoll_process_cpu_seconds_total")
