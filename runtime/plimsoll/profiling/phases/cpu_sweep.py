"""Phase: the same server on 1, 2, 4, … CPUs, for models that spread one request over all the cores they see.

Numerical libraries start a thread for every CPU that a process may use. What such a model takes is then a property of
the machine, and the question is how many cores still pay. Each size is a server of its own, held to its CPUs by
affinity; the server gives its libraries that many threads. (A size is a number of CPUs.)

In time that is left over, quotas between whole CPUs are tried as well, where control groups can be written. In a
container with 1.5 cores a server sees every CPU of the machine, and stands still when its share of 100 ms is used up.
So it does here: while it starts it may use whole CPUs and gives its libraries that many threads, then the quota holds.
Whether doubling the CPUs pays is not decided by these quotas; whether a latency objective is met may be.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise

from plimsoll.host.cgroups.groups import Delegation, enforcement
from plimsoll.host.cgroups.names import GroupName
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.phases.candidate import Candidate, Candidates, FirstServer, gathered, measure_candidate
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import Census
from plimsoll.profiling.phases.open_loop import slo_met
from plimsoll.profiling.session import Session

ELASTIC_CORES = 1.2
# Twice the cores must bring at least this many times the throughput.
_WORTH_DOUBLING = 1.4
# Some twenty-five periods of 100 ms for each of two levels and the open loop.
_SHORTEST_LOAD_S = 8.0


def is_elastic(census: Census, threads: int) -> bool:
    """One request alone keeps more than one core busy, or would: more threads share its work than the server gave.

    The threads show it also on a machine that others keep busy, where the cores do not.
    """
    return census.cores() > ELASTIC_CORES or census.busy_threads > threads


def sweep(session: Session, first: FirstServer) -> Iterator[Candidates]:
    """The first server must have ended: both would compete for the CPUs."""
    return gathered(_on_whole_cpus(session, first))


def _on_whole_cpus(session: Session, first: FirstServer) -> Iterator[Candidate]:
    cpus = session.setup.server_cpus
    counts = list(doubling(len(cpus))) if first.plan.sweep_s else []
    for count in counts:
        with session.server(cpus[:count], prefix=f"{count} CPU: ") as server:
            expected_rps = first.knee.result.requests_per_second * count / len(cpus)
            connections = sorted({1, first.knee.connections, 2 * server.options.slots})
            budget_s = first.plan.sweep_s / len(counts)
            one = measure_candidate(session, server, first, connections, expected_rps, budget_s)
        yield one


def doubling(cpus: int) -> Iterator[int]:
    """1, 2, 4, … below the number that was measured already."""
    count = 1
    while count < cpus:
        yield count
        count *= 2


def sweep_by_quota(session: Session, first: FirstServer, swept: Candidates) -> Iterator[Candidates]:
    """On both sides of the number of CPUs that the sweep would choose. The first server must have ended."""
    return gathered(_by_quota(session, first, swept.candidates))


def _by_quota(session: Session, first: FirstServer, swept: Sequence[Candidate]) -> Iterator[Candidate]:
    if not swept:
        return
    plan, full, slo = first.plan, len(session.setup.server_cpus), session.setup.options.slo
    # No more than the sweep itself had, and nothing of what comes after.
    watch = Stopwatch(min(plan.sweep_s, session.watch.left_s() - plan.verify_s - plan.search_s))
    chosen = choose_cpus(swept, first.capacity, full, slo)
    wanted = list(neighbours(full, chosen.cpus if chosen else full))
    with enforcement() as (delegation, _):
        for place, cores in enumerate(wanted if delegation else []):
            start_s = max(plan.start_s, first.startup.cpu_s / math.ceil(cores))
            load_s = watch.left_s() / (len(wanted) - place) - start_s
            if delegation is not None and load_s >= _SHORTEST_LOAD_S:
                yield _under_quota(session, first, delegation, cores, load_s)


def neighbours(cpus: int, chosen: float) -> Iterator[float]:
    """Of 0.5, 1.5, 3, 6, … cores those next to the chosen number of CPUs, below what there is."""
    cores = 0.5
    while cores < min(cpus, 2 * chosen):
        if cores >= chosen / 2:
            yield cores
        cores = 1.5 if cores < 1 else 2 * cores


def _under_quota(
    session: Session, first: FirstServer, delegation: Delegation, cores: float, budget_s: float
) -> Candidate:
    cpus = len(session.setup.server_cpus)
    # The weight is that of the server without a group: see plimsoll.profiling.trials.trial.enclosed.
    with delegation.group(str(GroupName(os.getpid(), "quota")), cpus) as group:
        group.limit_cpu(math.ceil(cores))
        with session.server(groups=group.doors, prefix=f"{cores:g} CPU by quota: ") as server:
            expected_rps = first.knee.result.requests_per_second * cores / cpus
            connections = sorted({1, first.knee.connections})
            one = measure_candidate(
                session, server, first, connections, expected_rps, budget_s, lambda: group.limit_cpu(cores)
            )
    return dataclasses.replace(one, cpus=cores, method="quota")


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
