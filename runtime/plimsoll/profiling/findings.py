"""What the phases of one run have returned so far. Only the run changes it, one result at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from plimsoll.host.memory import ProcessMemory
from plimsoll.profiling.dataset.load import Dataset
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.measure.metrics import ConnectionBudget
from plimsoll.profiling.measure.noise import Spin
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.phases.candidate import Candidate, FirstServer
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import Census, load_of
from plimsoll.profiling.phases.cpu_sweep import Sweep
from plimsoll.profiling.phases.growth import Growth
from plimsoll.profiling.phases.open_loop import OpenLoop, RateLevel
from plimsoll.profiling.phases.preflight import Ceiling
from plimsoll.profiling.phases.search import Search
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.phases.verify import Verification
from plimsoll.profiling.phases.warmup import Warmup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.profile import ProfileError
from plimsoll.profiling.session import Setup


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine before and after, and what the first server and the driver were like when its load was over.

    `peak_unknown` and `memory_unknown` say why memory could not be read, where it could not.
    """

    spin_before: Spin | None = None
    spin_after: Spin | None = None
    throttled_s: float = 0.0
    connections: ConnectionBudget | None = None
    driver_memory: ProcessMemory | None = None
    peak_unknown: str | None = None
    memory_unknown: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """One result for each phase, empty or None where it has not been run (yet).

    `quota` is the CPU sweep between whole CPUs.
    """

    setup: Setup
    timeline: Recorder = field(default_factory=Recorder)
    surroundings: Surroundings = field(default_factory=Surroundings)
    ceiling: Ceiling | None = None
    plan: Plan | None = None
    startup: Startup | None = None
    census: Census = field(default_factory=Census)
    warmup: Warmup = field(default_factory=Warmup)
    capacity: Capacity = field(default_factory=Capacity)
    growth: Growth = field(default_factory=Growth)
    open_loop: OpenLoop = field(default_factory=OpenLoop)
    sweep: Sweep = field(default_factory=Sweep)
    quota: Sweep = field(default_factory=Sweep)
    search: Search = field(default_factory=Search)
    verification: Verification | None = None
    gpu: GpuFindings = field(default_factory=GpuFindings)
    problem: ProfileError | None = None
    warnings: tuple[str, ...] = ()

    @property
    def options(self) -> ProfileOptions:
        """What the run was asked to do."""
        return self.setup.options

    @property
    def dataset(self) -> Dataset:
        """The rows that were sent."""
        return self.setup.dataset

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

    def candidates(self) -> list[Candidate]:
        """All other servers, in the order they were measured."""
        return [*self.sweep.candidates, *self.quota.candidates, *self.search.candidates]

    def rate_levels(self, chosen: Candidate | None) -> Iterator[RateLevel]:
        """All open-loop levels that say something of whole CPUs; that of the operating point last."""
        for one in reversed([*self.sweep.candidates, *self.search.candidates]):
            level = one.before or one.level
            if chosen is None or level is not chosen.level:
                yield level
        yield from self.open_loop.levels
        if chosen is not None:
            yield chosen.level
