"""Everything one run has found so far. Phases fill it in, so that a run which breaks off still has its results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from plimsoll.host.cpus import Host
from plimsoll.host.memory import ProcessMemory
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer
from plimsoll.profiling.dataset.load import Dataset
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.measure.metrics import ConnectionBudget
from plimsoll.profiling.measure.noise import NOISY_SHARE, Spin
from plimsoll.profiling.measure.placement import Placement
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.phases.candidate import RunnerUp, Size
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import Census
from plimsoll.profiling.phases.growth import Growth
from plimsoll.profiling.phases.open_loop import RateLevel
from plimsoll.profiling.phases.preflight import Ceiling
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.phases.trials import Trials
from plimsoll.profiling.phases.warmup import Warmup
from plimsoll.profiling.plan import Plan


@dataclass(frozen=True, slots=True)
class Problem:
    """What stopped the run or spoiled part of it; `exit_code` is what the program ends with."""

    code: str
    message: str
    exit_code: int
    details: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """None and empty mean: not measured (yet). `slo_rps` is the highest rate that kept the SLO, 0 where none did."""

    options: ProfileOptions
    dataset: Dataset
    host: Host
    placement: Placement
    request_timeout_s: float
    created: datetime
    recorder: Recorder = field(default_factory=Recorder)
    spin_before: Spin | None = None
    spin_after: Spin | None = None
    throttled_s: float = 0.0
    ceiling: Ceiling | None = None
    connections: ConnectionBudget | None = None
    startup: Startup | None = None
    census: Census = field(default_factory=Census)
    warmup: Warmup = field(default_factory=Warmup)
    capacity: Capacity = field(default_factory=Capacity)
    growth: Growth | None = None
    growth_unknown: str = "this phase was not run"
    rates: list[RateLevel] = field(default_factory=list)
    slo_rps: float | None = None
    plan: Plan | None = None
    loaded_rows: list[int] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    chosen_size: Size | None = None
    runner_up: RunnerUp | None = None
    verification: Trials | None = None
    driver_memory: ProcessMemory | None = None
    peak_unknown: str | None = None
    memory_unknown: str | None = None
    gpu: GpuFindings = field(default_factory=GpuFindings)
    cpu: CpuAnswer | None = None
    memory: MemoryAnswer | None = None
    problem: Problem | None = None
    warnings: list[str] = field(default_factory=list)

    def noisy_cores(self) -> float:
        """Other processes' CPU above which load was disturbed: 5 % of the machine."""
        return NOISY_SHARE * self.host.logical_cpus

    def server_cpus(self) -> tuple[int, ...]:
        """Those that a server may use."""
        return tuple(self.placement.server or self.host.allowed_cpus)

    def lost(self) -> bool:
        """The run broke off; failed rows alone do not end it."""
        return self.problem is not None and self.problem.code != "rows_failed"

    def operating_level(self) -> RateLevel | None:
        """The last open-loop level at the recommended size: the rate that a replica is meant to carry."""
        if self.chosen_size is not None:
            return self.chosen_size.level
        return self.rates[-1] if self.rates else None

    def sized_capacity(self) -> Capacity:
        """Closed-loop levels at the recommended size."""
        return self.chosen_size.capacity if self.chosen_size is not None else self.capacity

    def configuration(self) -> Configuration:
        """As recommended."""
        return self.chosen_size.configuration if self.chosen_size is not None else self.options.configuration

    def choose(self, size: Size | None) -> None:
        """From now on the recommendation is about this size; its rate level becomes the last."""
        self.chosen_size = size
        if size is not None:
            self.rates = [level for level in self.rates if level is not size.level] + [size.level]

    def elastic(self) -> bool:
        """Whether the number of CPUs was varied."""
        return self.plan is not None and self.plan.elastic

    def row_number(self, index: int) -> int:
        """By which the user knows the row."""
        return self.dataset.rows[index].number
