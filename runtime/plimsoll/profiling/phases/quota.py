"""Phase: sizes between whole CPUs, where control groups can be written; after the sweep, in time that nobody needs.

In a container with 1.5 cores a server sees every CPU of the machine, and stands still when its share of 100 ms is
used up. So it does here: while it starts it may use whole CPUs and gives its libraries that many threads, then the
quota holds. Whether doubling the CPUs pays is not decided by these sizes; a latency objective may be.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator

from plimsoll.host.group_names import GroupName
from plimsoll.host.groups import Delegation
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.phases.candidate import Candidate, FirstServer, measure_candidate
from plimsoll.profiling.phases.cpu_sweep import Sweep, choose_cpus
from plimsoll.profiling.phases.trial import enforcement
from plimsoll.profiling.session import Session

# Some twenty-five periods of 100 ms for each of two levels and the open loop.
_SHORTEST_LOAD_S = 8.0


def sweep_by_quota(session: Session, first: FirstServer, swept: Sweep) -> Iterator[Sweep]:
    """On both sides of the number of CPUs that the sweep would choose; needs the first server gone."""
    if not swept.candidates:
        return
    watch, found = Stopwatch(_spare_s(session, first)), Sweep()
    full, slo = len(session.setup.server_cpus), session.setup.options.slo
    chosen = choose_cpus(swept.candidates, first.capacity, full, slo)
    wanted = list(neighbours(full, chosen.cpus if chosen else full))
    with enforcement() as (delegation, _):
        for place, cores in enumerate(wanted if delegation else []):
            share_s = watch.left_s() / (len(wanted) - place) - _start_s(first, cores)
            if delegation is None or share_s < _SHORTEST_LOAD_S:
                continue
            found = Sweep((*found.candidates, _measure(session, first, delegation, cores, share_s)))
            yield found
    yield Sweep(found.candidates, complete=True)


def neighbours(cpus: int, chosen: float) -> Iterator[float]:
    """Of 0.5, 1.5, 3, 6, … cores those next to the chosen number of CPUs, below what there is."""
    cores = 0.5
    while cores < min(cpus, 2 * chosen):
        if cores >= chosen / 2:
            yield cores
        cores = 1.5 if cores < 1 else 2 * cores


def _spare_s(session: Session, first: FirstServer) -> float:
    """No more than the sweep itself had, and nothing of what comes after."""
    plan = first.plan
    return min(plan.sweep_s, session.watch.left_s() - plan.verify_s - plan.search_s)


def _start_s(first: FirstServer, cores: float) -> float:
    return max(first.plan.start_s, first.startup.cpu_s / math.ceil(cores))


def _measure(session: Session, first: FirstServer, delegation: Delegation, cores: float, budget_s: float) -> Candidate:
    with delegation.group(str(GroupName(os.getpid(), "quota"))) as group:
        group.limit_cpu(math.ceil(cores))
        with session.server(groups=group.doors, prefix=f"{cores:g} CPU by quota: ") as server:
            expected_rps = first.knee.throughput_rps * cores / len(session.setup.server_cpus)
            connections = sorted({1, first.knee.connections})
            one = measure_candidate(
                session, server, first, connections, expected_rps, budget_s, lambda: group.limit_cpu(cores)
            )
    return dataclasses.replace(one, cpus=cores, method="quota")
