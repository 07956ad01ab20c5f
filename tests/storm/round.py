"""One round of the storm: a fresh server of one shape, a load, a schedule of faults, and the reckoning."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from storm import audit
from storm.faults import FRONT_FAULTS, SCORING_TIMEOUT_S, WORKER_FAULTS, Fault
from storm.injector import LONG, Injector, Pauses, Strike
from storm.scene import MARK, Footprint, Scene, footprint
from support.server import Server, wait_for

SCRIPTS = Path(__file__).with_name("scripts")
_TESTS = Path(__file__).parents[1]
LANES = 24
BATCH = 16
_GRACE_S = 3
_LEFTOVERS_S = 5.0
_SETTLED_S = 5.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A server, and what happens to it. `ending` is the signal that it ends by."""

    name: str
    workers: int = 2
    threads: int = 1
    batched: bool = False
    faults: Mapping[str, Fault] = field(default_factory=dict)
    departures: float = 0.02
    only: tuple[str, ...] = ()
    """Kinds of requests, where it is not the whole mix."""
    lanes: int = LANES
    pauses: Pauses = LONG
    ending: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> list[str]:
        timeout_ms = round(SCORING_TIMEOUT_S * 1000)
        limits = ["--scoring-timeout-ms", str(timeout_ms), "--grace-seconds", str(_GRACE_S)]
        return ["--workers", str(self.workers), "--threads", str(self.threads), *limits]

    @property
    def per_death(self) -> int:
        """Calls that run in one worker at a time."""
        return self.threads * (BATCH if self.batched else 1)


_EXACT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Has glibc give back what is freed. Left alone it keeps as much as the largest bodies of late were long, which comes
and goes by 5 and 10 MB and hides what grows."""

SHAPES = (
    Shape("calm", environment=_EXACT_MEMORY),
    Shape("workers", faults=WORKER_FAULTS),
    Shape("threads", threads=4, faults=WORKER_FAULTS),
    Shape("batches", batched=True, faults=WORKER_FAULTS),
    Shape("front", faults=FRONT_FAULTS, ending=signal.SIGKILL),
    Shape("calm threads", threads=4, environment=_EXACT_MEMORY),
    Shape("calm batches", batched=True, environment=_EXACT_MEMORY),
)


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


class Load:
    """The generator as a process; its last report is in `told`."""

    def __init__(self, port: int, seed: str, shape: Shape, most: int) -> None:
        flags = ["--lanes", str(shape.lanes), "--most", str(most), "--departures", str(shape.departures)]
        flags += [f"--only={kind}" for kind in shape.only] + ["--batched"] * shape.batched
        self._process = subprocess.Popen(
            [sys.executable, "-m", "storm.clients", str(port), seed, *flags],
            cwd=_TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: dict[str, Any] = {"started": 0, "outcomes": {}, "examples": {}, "longest_s": 0.0, "cpu_s": 0.0}
        self._reader = threading.Thread(target=self._read, name="reader")
        self._reader.start()

    @property
    def over(self) -> bool:
        return not self._reader.is_alive()

    def stop(self) -> dict[str, Any]:
        """Lets the requests under way end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        assert self._process.wait() == 0, "the generator failed"
        return self.told

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.told = json.loads(line)


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


def prepared(folder: Path, *, batched: bool = False) -> Path:
    """The storm's score.py, in a folder of its own."""
    shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
    return folder / ("batched.py" if batched else "plain.py")


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
        outcomes = Counter(told["outcomes"])
        asked = outcomes + scene.outcomes
        self._try("wait until whole", scene.wait_whole)
        self._try("wait until idle", scene.wait_idle)
        after = scene.samples()
        if not shape.faults:
            self._end_small()
        front_deaths = sum(strike.front_deaths for strike in strikes)
        deaths = audit.deaths_between(before, after) if not front_deaths else sum(s.deaths[1] for s in strikes)
        self._complain(*(f"{key}: {what}" for key, what in told["examples"].items()))
        self._complain(*(strike.complaint for strike in strikes if strike.complaint))
        self._complain(*audit.complaints_of_clients(outcomes, deaths, strikes, shape.lanes, shape.per_death))
        if not front_deaths:
            self._complain(*audit.complaints_of_metrics(before, after, asked, strikes))
        now = self._settled(footprints)
        self._complain(*audit.complaints_of_footprints(footprints, now))
        self._end()
        self._complain(*audit.complaints_of_log(scene.server.log()))
        grown = {
            name: now[name].private_bytes - footprints[name].private_bytes for name in footprints.keys() & now.keys()
        }
        if not shape.faults:
            self._complain(*audit.complaints_of_growth(grown, told["started"]))
        return Result(
            shape, self._seed, told["started"], outcomes, strikes, deaths, took_s, self._start_s, told["longest_s"],
            told["cpu_s"], _cpu_s(after) - _cpu_s(before), grown, self._complaints,
        )  # fmt: skip

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

    def _try(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except AssertionError as failure:
            self._complain(f"{what}: {failure}")

    def _complain(self, *complaints: str) -> None:
        self._complaints += complaints


def _cpu_s(samples: audit.Samples) -> float:
    return sum(value for (name, _), value in samples.items() if name == "plimsoll_process_cpu_seconds_total")
