"""Phase: the same server on 1, 2, 4, … CPUs, for models that spread one request over all the cores they see.

Numerical libraries start a thread for every CPU that a process may use. What such a model takes is then a property of
the machine, and the question is how many cores still pay. Each size is a server of its own, held to its CPUs by
affinity; the server gives its libraries that many threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.phases.candidate import Candidate, FirstServer, measure_candidate
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import Census
from plimsoll.profiling.phases.open_loop import slo_met
from plimsoll.profiling.session import Session

ELASTIC_CORES = 1.2
# Twice the cores must bring at least this many times the throughput.
_WORTH_DOUBLING = 1.4


@dataclass(frozen=True, slots=True)
class Sweep:
    """Servers on fewer CPUs, in the order they were measured; not `complete` where that broke off."""

    candidates: tuple[Candidate, ...] = ()
    complete: bool = False


def is_elastic(census: Census, threads: int) -> bool:
    """One request alone keeps more than one core busy, or would: more threads share its work than the server gave.

    The threads show it also on a machine that others keep busy, where the cores do not.
    """
    return census.cores() > ELASTIC_CORES or census.busy_threads > threads


def sweep(session: Session, first: FirstServer) -> Iterator[Sweep]:
    """Needs the first server gone."""
    if not first.plan.sweep_s:
        return
    cpus, found = session.setup.server_cpus, Sweep()
    counts = list(doubling(len(cpus)))
    for count in counts:
        with session.server(cpus[:count], prefix=f"{count} CPU: ") as server:
            expected_rps = first.knee.throughput_rps * count / len(cpus)
            connections = sorted({1, first.knee.connections, 2 * server.options.slots})
            budget_s = first.plan.sweep_s / len(counts)
            one = measure_candidate(session, server, first, connections, expected_rps, budget_s)
        found = Sweep((*found.candidates, one))
        yield found
    yield Sweep(found.candidates, complete=True)


def doubling(cpus: int) -> Iterator[int]:
    """1, 2, 4, … below the number that was measured already."""
    count = 1
    while count < cpus:
        yield count
        count *= 2


def choose_cpus(candidates: Sequence[Candidate], capacity: Capacity, cpus: int, slo: Slo | None) -> Candidate | None:
    """The fewest CPUs that keep the SLO, else the last whose doubling paid; None is all `cpus`, as first measured."""
    ordered = sorted(candidates, key=lambda one: one.cpus)
    kept = [one for one in ordered if slo_met(one.level, slo)]
    if kept:
        return kept[0]
    if slo is not None:
        return None
    steps = [(one.cpus, one.capacity.best_rps()) for one in ordered if one.method == "affinity"]
    best = pays_up_to([*steps, (cpus, capacity.best_rps())])
    return next((one for one in ordered if one.cpus == best), None)


def pays_up_to(steps: Sequence[tuple[float, float]]) -> float:
    """CPUs up to which each doubling brought 1.4 times the throughput; a smaller step in proportion."""
    for (cpus, rate_rps), (more_cpus, more_rps) in pairwise(steps):
        wanted = _WORTH_DOUBLING ** math.log2(more_cpus / cpus)
        if more_rps < wanted * rate_rps:
            return cpus
    return steps[-1][0]
