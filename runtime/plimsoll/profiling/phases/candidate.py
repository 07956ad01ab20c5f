"""The server on fewer CPUs, or in another configuration: measured briefly, to be compared with the first one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.cpu import CpuAnswer, Demand, recommend_cpu
from plimsoll.profiling.measure.server import Load, ServerUnderTest
from plimsoll.profiling.measure.window import pace
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.phases.capacity import Capacity, Level, run_level
from plimsoll.profiling.phases.census import Census
from plimsoll.profiling.phases.open_loop import RateLevel, run_rate
from plimsoll.profiling.phases.start import Startup, wait_for_start
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.session import Session
from plimsoll.profiling.statistics import rank_percentile, upper_bound

_WARMUP_PARTS = 3
_ENOUGH_REQUESTS = 5
_ENOUGH_FOR_VARIATION = 30


@dataclass(frozen=True, slots=True)
class FirstServer:
    """What the server without limits has shown: candidates are chosen by it and compared with it."""

    plan: Plan
    startup: Startup
    census: Census
    capacity: Capacity
    knee: Level
    load: Load
    slo_rps: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One number of CPUs and one configuration; `level` is the open loop at the rate that it would carry.

    `method` says how the server was held to the CPUs: by how many it was let run on, or by a quota. `before` is an
    open-loop level that was too short to be judged by, and so was run once more.
    """

    cpus: float
    configuration: Configuration
    startup: Startup
    capacity: Capacity
    level: RateLevel
    method: Literal["affinity", "quota"] = "affinity"
    before: RateLevel | None = None

    def with_level(self, level: RateLevel) -> Candidate:
        """The same with another open-loop level."""
        return dataclasses.replace(self, level=level, before=self.level)

    def peak_bytes(self) -> int:
        """The highest peak after the start."""
        memories = [level.memory for level in self.capacity.levels] + [self.level.memory]
        return max(memory.total.peak_bytes for memory in memories)


@dataclass(frozen=True, slots=True)
class Candidates:
    """In the order they were measured; not `complete` where that broke off."""

    candidates: tuple[Candidate, ...] = ()
    complete: bool = False


def gathered(measured: Iterable[Candidate]) -> Iterator[Candidates]:
    """What there is after each of them, and that it is complete."""
    found = Candidates()
    for one in measured:
        found = Candidates((*found.candidates, one))
        yield found
    yield dataclasses.replace(found, complete=True)


def measure_candidate(
    session: Session,
    server: ServerUnderTest,
    first: FirstServer,
    connections: Sequence[int],
    expected_rps: float,
    budget_s: float,
    once_ready: Callable[[], object] = lambda: None,
) -> Candidate:
    """A server that has just been started: a few closed-loop levels, then the open loop at what it would carry."""
    options = server.options
    startup = wait_for_start(server)
    once_ready()
    session.aim(server)
    server.choose(first.load)
    found, part_s = Capacity(stopped="a few levels only"), budget_s / (len(connections) + 1)
    warm_s = part_s / _WARMUP_PARTS
    server.begin("warm-up", warm_s)
    server.window(options.slots, warm_s, warm_s, whole_passes=False)
    server.begin("capacity", budget_s, steady=True)
    for count in connections:
        plan = pace(options.budget_s, part_s, expected_rps, len(server.rows), windows=1)
        found = found.with_level(run_level(server, count, plan))
    answer = cpu_answer(found, first.census, session.setup.options, options.slots, first.slo_rps)
    level = run_rate(server, answer.operating_rps if answer else expected_rps / 2, part_s)
    return Candidate(server.cpus, options.configuration, startup, found, level)


def cpu_answer(
    capacity: Capacity, census: Census, options: ProfileOptions, slots: int, slo_rps: float | None
) -> CpuAnswer | None:
    """What a server that showed these levels would need, and carry; None without load."""
    demand = _demand(capacity, census, slots)
    return recommend_cpu(demand, options.target_rps, options.max_cpu_cores, slo_rps or None) if demand else None


def _demand(capacity: Capacity, census: Census, slots: int) -> Demand | None:
    saturated = capacity.saturated()
    if not saturated:
        return None
    windows = [window for level in saturated for window in level.windows]
    # Windows in which hardly anything was answered say nothing about the cost of a request.
    costs_s = [window.cpu_per_request_s for window in windows if window.answer.requests >= _ENOUGH_REQUESTS]
    mean_s = sum(window.total_cpu_s for window in windows) / sum(window.answer.requests for window in windows)
    best, alone = max((level.result for level in saturated), key=lambda one: one.requests_per_second), capacity.alone()
    return Demand(
        cpu_s=mean_s,
        cpu_upper_s=max(upper_bound(costs_s) or 0.0, mean_s),
        capacity_rps=best.requests_per_second * best.requests / best.successes,
        service_s=alone.latency.mean_s() if alone else None,
        squared_variation=_variation(alone, census),
        busiest_cores=rank_percentile([cores for window in windows for cores in window.cores], 0.95) or 0.0,
        slots=slots,
    )


def _variation(alone: Level | None, census: Census) -> float | None:
    """CV² of the time one request takes alone: over the level of one connection, else over the rows."""
    latency = alone.latency if alone else None
    if latency is not None and latency.count >= _ENOUGH_FOR_VARIATION:
        return latency.squared_variation()
    return census.squared_variation()
