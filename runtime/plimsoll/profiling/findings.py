"""What the phases of one run have returned so far. Only the run changes it, one result at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from plimsoll.host.memory import ProcessMemory
from plimsoll.profiling.dataset.rows import Dataset
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.measure.metrics import ConnectionBudget
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.phases.candidate import Candidates, FirstServer
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import Census, load_of
from plimsoll.profiling.phases.open_loop import OpenLoop, RateLevel
from plimsoll.profiling.phases.preflight import Ceiling
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.growth import GrowthResult
from plimsoll.profiling.result.measurements import WarmupResult
from plimsoll.profiling.result.profile import ProfileError
from plimsoll.profiling.result.verification import Verification
from plimsoll.profiling.session import Setup
from plimsoll.profiling.trials.operating_point import OperatingPoint
from plimsoll.profiling.trials.verify import Trials


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine, and what the first server and the driver were like when its load was over.

    `peak_unknown` and `memory_unknown` say why memory could not be read, where it could not.
    """

    throttled_s: float = 0.0
    connections: ConnectionBudget | None = None
    driver_memory: ProcessMemory | None = None
    peak_unknown: str | None = None
    memory_unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """One result for each phase, empty or None where it has not been run (yet).

    `quota` is the CPU sweep between whole CPUs. `growth_unknown` says why there is no verdict of growth.
    """

    setup: Setup
    timeline: Recorder = field(default_factory=Recorder)
    surroundings: Surroundings = field(default_factory=Surroundings)
    ceiling: Ceiling | None = None
    plan: Plan | None = None
    startup: Startup | None = None
    census: Census = field(default_factory=Census)
    warmup: WarmupResult | None = None
    capacity: Capacity = field(default_factory=Capacity)
    growth: GrowthResult = field(default_factory=GrowthResult)
    gpu_growth: GrowthResult | None = None
    growth_unknown: str = "this phase was not run"
    open_loop: OpenLoop = field(default_factory=OpenLoop)
    sweep: Candidates = field(default_factory=Candidates)
    quota: Candidates = field(default_factory=Candidates)
    search: Candidates = field(default_factory=Candidates)
    operating: OperatingPoint | None = None
    trials: Trials | None = None
    gpu: GpuFindings = field(default_factory=GpuFindings)
    problem: ProfileError | None = None
    warnings: tuple[str, ...] = ()

    @property
    def options(self) -> ProfileOptions:
        """Also those that came from defaults."""
        return self.setup.options

    @property
    def dataset(self) -> Dataset:
        """The rows that may be sent; the census says which were."""
        return self.setup.dataset

    @property
    def verification(self) -> Verification | None:
        """The trials as they are written; None where no server was run inside limits."""
        return self.trials.result if self.trials else None

    def broke_off(self) -> bool:
        """Failed rows alone do not end a run."""
        return self.problem is not None and self.problem.code != "rows_failed"

    def elastic(self) -> bool:
        """Whether the number of CPUs was varied."""
        return self.plan is not None and self.plan.elastic

    def first_server(self) -> FirstServer | None:
        """What other servers are compared with; None where there is too little of it."""
        knee = self.capacity.knee()
        if self.plan is None or self.startup is None or knee is None or self.broke_off():
            return None
        load = load_of(self.census, len(self.dataset.rows))
        return FirstServer(self.plan, self.startup, self.census, self.capacity, knee, load, self.open_loop.slo_rps)

    def rate_levels(self, operating: RateLevel | None) -> Iterator[RateLevel]:
        """All open-loop levels that say something of whole CPUs; that of the operating point last."""
        yield from self._earlier_levels(operating)
        yield from self.operating.too_fast if self.operating else ()
        if operating is not None:
            yield operating

    def sustained_levels(self, operating: RateLevel | None) -> Iterator[RateLevel]:
        """Without those that were too fast: what the others held in memory is what the server needs."""
        yield from self._earlier_levels(operating)
        if operating is not None:
            yield operating

    def _earlier_levels(self, operating: RateLevel | None) -> Iterator[RateLevel]:
        others = [one.before or one.level for one in reversed([*self.sweep.candidates, *self.search.candidates])]
        yield from (level for level in (*others, *self.open_loop.levels) if level is not operating)
