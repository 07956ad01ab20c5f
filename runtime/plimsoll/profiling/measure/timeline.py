"""Cores and memory of the server over the whole run, and which phase it was. For charts, never for the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.measure.meter import ServerMeter

_INTERVAL_S = 0.5


class GpuRecorder(Protocol):
    """Records the GPUs meanwhile, where there are any; see plimsoll.profiling.gpu.watch."""

    lost: str | None

    def begin_server(self, configuration: Configuration, trial: bool, tree: Callable[[], frozenset[int]]) -> None:
        """Another server."""

    def begin(self, phase: str) -> None:
        """Another phase of it."""

    def rise_bytes(self) -> int:
        """Memory in use above what it was before the first server."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`resident_bytes` counts what several processes map several times; `held_share` of it remains if counted once.

    `gpu_bytes` is None where no GPU is watched.
    """

    at_s: float
    cores: float
    resident_bytes: int
    held_share: float | None
    gpu_bytes: int | None = None


@dataclass(slots=True)
class Recorder:
    """Seconds since it was made. `gpu` gets the same phases; None where no GPU is watched."""

    moments: list[Moment] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)
    gpu: GpuRecorder | None = None
    _begun_s: float = field(default_factory=time.monotonic)
    _last: tuple[float, float] = (0.0, 0.0)

    def elapsed_s(self) -> float:
        return time.monotonic() - self._begun_s

    def begin_server(self, configuration: Configuration, trial: bool, meter: ServerMeter) -> None:
        """The server before has ended; `trial` as in plimsoll.profiling.gpu.watch."""
        if self.gpu is not None:
            self.gpu.begin_server(configuration, trial, meter.pids)

    def begin(self, phase: str) -> None:
        """The phase before is over."""
        self.phases.append((phase, self.elapsed_s()))
        if self.gpu is not None:
            self.gpu.begin(phase)

    def lost_gpu(self) -> str | None:
        return self.gpu.lost if self.gpu is not None else None

    def record(self, meter: ServerMeter) -> None:
        """One more moment unless the last was just now. Looks only at processes that are known: it must cost little."""
        now_s = self.elapsed_s()
        then_s, then_cpu_s = self._last
        if now_s - then_s < _INTERVAL_S:
            return
        cpu_s = meter.known_cpu_s()
        cores = max(0.0, cpu_s - then_cpu_s) / (now_s - then_s)
        gpu_bytes = self.gpu.rise_bytes() if self.gpu is not None else None
        self.moments.append(Moment(now_s, cores, meter.known_resident_bytes(), meter.held_share, gpu_bytes))
        self._last = now_s, cpu_s
