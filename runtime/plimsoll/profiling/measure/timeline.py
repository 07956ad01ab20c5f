"""Cores and memory of the server over the whole run, and which phase it was. For charts, never for the answer."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.stalls import Clocks, Stretch
from plimsoll.profiling.load.client import LoadAnswer
from plimsoll.profiling.measure.gpu_watch import GpuWatch
from plimsoll.profiling.measure.meter import ServerMeter

_INTERVAL_S = 0.5


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
    """Seconds since it was made. `gpu` gets the same phases; None where no GPU is watched.

    `stretches` is the load in which stalls are looked for.
    """

    moments: list[Moment] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    gpu: GpuWatch | None = None
    _begun_s: float = field(default_factory=time.monotonic)
    _last: tuple[float, float] = (0.0, 0.0)
    _servers: int = 0

    def elapsed_s(self) -> float:
        return time.monotonic() - self._begun_s

    def begin_server(self, configuration: Configuration, trial: bool, meter: ServerMeter) -> None:
        """The server before has ended; `trial` as in plimsoll.profiling.measure.gpu_watch."""
        self._servers += 1
        if self.gpu is not None:
            self.gpu.begin_server(configuration, trial, meter.pids)

    def begin(self, phase: str) -> None:
        self.phases.append((phase, self.elapsed_s()))
        if self.gpu is not None:
            self.gpu.begin(phase)

    def observe(
        self, configuration: Configuration, answer: LoadAnswer, clocks: Clocks | None, elsewhere_cores: float
    ) -> None:
        begin_s = answer.begun_s - self._begun_s
        bursts = [dataclasses.replace(burst, at_s=burst.at_s - self._begun_s) for burst in answer.bursts]
        self.stretches.append(
            Stretch(
                server=self._servers,
                configuration=configuration,
                phase=self.phases[-1][0] if self.phases else "",
                begin_s=begin_s,
                end_s=begin_s + answer.elapsed_s,
                stuck_s=answer.stuck_s,
                bursts=tuple(bursts),
                clocks=clocks,
                elsewhere_cores=elsewhere_cores,
            )
        )

    def gpu_used_bytes(self) -> int | None:
        return self.gpu.used_bytes() if self.gpu is not None else None

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
