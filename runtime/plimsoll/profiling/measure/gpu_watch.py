"""Polls the GPUs while servers run: memory, processes, whether anything computes, heat and power.

The driver keeps no high-water marks, so a thread of its own looks ten times a second, and in between glances at memory
alone: so it sees peaks of 50 ms. A peak shorter than the pause between two glances can be missed. What all that costs
this process is counted apart and never belongs to the server.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from plimsoll.host.gpu.nvml import Gpu, GpuReading, Nvml
from plimsoll.profiling.advice.configuration import Configuration

INTERVAL_S = 0.1
GLANCE_S = 0.025
_GLANCE_SHARE = 0.01
"""Of a core at most, for glances: where a driver takes long to answer, there are fewer."""
_JOIN_S, _PAUSE_S = 5.0, 0.02


@dataclass(slots=True)
class Use:
    """All readings of one device in one phase; what it does not tell at one moment is in none of the lists.

    `process_bytes`: the most that each process held, None where unknown.
    """

    readings: int = 0
    used_bytes: int | None = None
    lists: int = 0
    process_bytes: dict[int, int | None] = field(default_factory=dict)
    own: set[int] = field(default_factory=set)
    busy: list[float] = field(default_factory=list)
    power_w: list[float] = field(default_factory=list)
    heat_c: list[float] = field(default_factory=list)
    slowed: Counter[str] = field(default_factory=Counter)

    def add(self, reading: GpuReading, tree: frozenset[int]) -> None:
        """`tree`: the server's processes, by the numbers that they have here."""
        self.readings += 1
        self.add_memory(reading.used_bytes)
        self.busy += _told(reading.utilisation)
        self.power_w += _told(reading.power_w)
        self.heat_c += _told(reading.temperature_c)
        self._add_processes(reading, tree)
        self.slowed.update(reading.throttle_reasons or ())

    def add_memory(self, used_bytes: int | None) -> None:
        if used_bytes is not None:
            self.used_bytes = max(self.used_bytes or 0, used_bytes)

    def _add_processes(self, reading: GpuReading, tree: frozenset[int]) -> None:
        if reading.processes is None:
            return
        self.lists += 1
        for process in reading.processes:
            before, now = self.process_bytes.get(process.pid), process.used_bytes
            self.process_bytes[process.pid] = now if before is None else max(before, now or 0)
            if process.pid in tree:
                self.own.add(process.pid)


def _told(value: float | None) -> list[float]:
    return [] if value is None else [value]


@dataclass(slots=True)
class Phase:
    """One phase of one server; `uses` by the device's uuid."""

    name: str
    uses: dict[str, Use]


@dataclass(slots=True)
class ServerWatch:
    """One server from its start to its end. `trial`: it was held to what is recommended.

    `preallocates`: it took more than it needs and was started again.
    """

    configuration: Configuration
    trial: bool = False
    preallocates: bool = False
    phases: list[Phase] = field(default_factory=list)


class GpuWatch:
    """Made before any server starts: what the devices hold then is not the model's. `servers` in their order."""

    def __init__(self, nvml: Nvml, gpus: Sequence[Gpu], interval_s: float = INTERVAL_S) -> None:
        self.gpus = tuple(gpus)
        self.before = {gpu.uuid: nvml.read(gpu) for gpu in gpus}
        self.after: dict[str, GpuReading] = {}
        self._newest_bytes = {uuid: reading.used_bytes for uuid, reading in self.before.items()}
        self.servers: list[ServerWatch] = []
        self.lost: str | None = None
        self.trouble: str | None = None
        self.looks = 0
        self.glances = 0
        self._glanced_s = 0.0
        self.cpu_s = 0.0
        self._begun_s = time.monotonic()
        self._polled_s = 0.0
        self._nvml = nvml
        self._interval_s = interval_s
        self._tree: Callable[[], frozenset[int]] = frozenset
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="gpu-watch", daemon=True)

    @property
    def looks_per_s(self) -> float | None:
        """How often it really looked; a slow driver makes it less."""
        return self.looks / self._polled_s if self._polled_s else None

    def rise_bytes(self) -> int:
        """Memory in use on all devices, whoever uses it, above what it was before the first server: for a curve."""
        before_bytes = sum(reading.used_bytes or 0 for reading in self.before.values())
        return max(0, sum(size or 0 for size in self._newest_bytes.values()) - before_bytes)

    def used_bytes(self) -> int | None:
        """Memory in use on all devices, whoever uses it; None where the driver does not tell it of each."""
        sizes = [size for size in self._newest_bytes.values() if size is not None]
        return sum(sizes) if len(sizes) == len(self._newest_bytes) else None

    def begin_server(self, configuration: Configuration, trial: bool, tree: Callable[[], frozenset[int]]) -> None:
        """What is read from now on belongs to this server; `tree` lists its processes."""
        with self._lock:
            self._tree = tree
            self.servers.append(ServerWatch(configuration, trial))

    def begin(self, phase: str) -> None:
        with self._lock:
            if self.servers:
                self.servers[-1].phases.append(Phase(phase, {gpu.uuid: Use() for gpu in self.gpus}))

    def settle(self, longest_s: float = 1.0) -> None:
        """Waits until all devices have been read anew; not longer, as a driver may hang."""
        enough, begun_s = self.looks + 2, time.monotonic()
        while self.looks < enough and self._thread.is_alive() and time.monotonic() - begun_s < longest_s:
            time.sleep(_PAUSE_S)

    def _look(self) -> None:
        for gpu in self.gpus:
            reading = self._nvml.read(gpu)
            with self._lock:
                if reading.lost:
                    self.lost = self.lost or f"{gpu.name} ({gpu.uuid}) was lost"
                    continue
                self._newest_bytes[gpu.uuid] = reading.used_bytes
                if self.servers and self.servers[-1].phases:
                    self.servers[-1].phases[-1].uses[gpu.uuid].add(reading, self._tree())

    def _glance(self) -> None:
        begun_s = time.monotonic()
        for gpu in self.gpus:
            used_bytes = self._nvml.used_bytes(gpu)
            with self._lock:
                if self.servers and self.servers[-1].phases:
                    self.servers[-1].phases[-1].uses[gpu.uuid].add_memory(used_bytes)
        self.glances += 1
        self._glanced_s += time.monotonic() - begun_s

    def _pause_s(self) -> float:
        """Until the next glance."""
        mean_s = self._glanced_s / self.glances if self.glances else 0.0
        return min(self._interval_s, max(GLANCE_S, mean_s / _GLANCE_SHARE))

    def __enter__(self) -> Self:
        self._begun_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(_JOIN_S)
        if self.hangs:
            self.trouble = "the GPU's driver did not answer any more"

    @property
    def hangs(self) -> bool:
        return self._thread.is_alive()

    def _poll(self) -> None:
        """The driver is asked by this thread alone: where it hangs, nothing else does."""
        try:
            next_s = time.monotonic() + self._interval_s
            while not self._ended.wait(self._pause_s()) and self.lost is None:
                if time.monotonic() < next_s:
                    self._glance()
                    continue
                next_s = time.monotonic() + self._interval_s
                self._look()
                self.looks += 1
                self._polled_s = time.monotonic() - self._begun_s
                self.cpu_s = time.thread_time()
            if self.lost is None:
                self.after = {gpu.uuid: self._nvml.read(gpu) for gpu in self.gpus}
        except Exception as failure:  # a profile does not end because a gauge does
            self.trouble = f"the GPU could not be read any more: {failure}"
