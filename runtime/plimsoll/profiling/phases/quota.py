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

from plimsoll.host.groups import Delegation
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.phases.candidate import Size
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.phases.cpu_sweep import choose_size, measure_size
from plimsoll.profiling.phases.verify import enforcement
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.session import Session

# Some twenty-five periods of 100 ms for each of two levels and the open loop.
_SHORTEST_LOAD_S = 8.0


def sweep_by_quota(session: Session) -> None:
    """Adds to `sizes` those on both sides of the chosen one and chooses anew; needs the first server gone."""
    findings, plan, knee = session.findings, session.findings.plan, session.findings.capacity.knee()
    if plan is None or knee is None or not findings.sizes or findings.lost():
        return
    watch = Stopwatch(_spare_s(session, plan))
    wanted = list(neighbours(findings))
    with enforcement() as (delegation, _):
        for place, cores in enumerate(wanted if delegation else []):
            share_s = watch.left_s() / (len(wanted) - place) - _start_s(findings, plan, cores)
            if delegation is None or share_s < _SHORTEST_LOAD_S:
                continue
            findings.sizes.append(_measure(session, delegation, cores, knee, share_s))
            # It is said of whole CPUs what rate they carry.
            del findings.rates[0]
    findings.sizes.sort(key=lambda size: size.cpus)
    findings.choose(choose_size(findings))


def neighbours(findings: Findings) -> Iterator[float]:
    """Of 0.5, 1.5, 3, 6, … cores those next to the chosen number of CPUs, below what there is."""
    full = len(findings.server_cpus())
    chosen = findings.chosen_size.cpus if findings.chosen_size else full
    cores = 0.5
    while cores < min(full, 2 * chosen):
        if cores >= chosen / 2:
            yield cores
        cores = 1.5 if cores < 1 else 2 * cores


def _spare_s(session: Session, plan: Plan) -> float:
    """No more than the sweep itself had, and nothing of what comes after."""
    return min(plan.sweep_s, session.watch.left_s() - plan.verify_s - plan.search_s)


def _start_s(findings: Findings, plan: Plan, cores: float) -> float:
    cpu_s = findings.startup.cpu_s if findings.startup else 0.0
    return max(plan.start_s, cpu_s / math.ceil(cores))


def _measure(session: Session, delegation: Delegation, cores: float, knee: Level, budget_s: float) -> Size:
    findings = session.findings
    full = len(findings.server_cpus())
    with delegation.group(f"plimsoll-{os.getpid()}-quota") as group:
        group.limit_cpu(math.ceil(cores))
        with session.server(groups=group.doors, prefix=f"{cores:g} CPU by quota: ") as server:
            expected_rps = knee.throughput_rps * cores / full
            levels = sorted({1, knee.connections})
            size = measure_size(session, server, levels, expected_rps, budget_s, lambda: group.limit_cpu(cores))
    return dataclasses.replace(size, cpus=cores, method="quota")
