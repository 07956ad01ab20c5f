"""Phase: the same server on 1, 2, 4, … CPUs, for models that spread one request over all the cores they see.

Numerical libraries start a thread for every CPU that a process may use. What such a model takes is then a property of
the machine, and the question is how many cores still pay. Each size is a server of its own, held to its CPUs by
affinity; the server gives its libraries that many threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from plimsoll.profiling.answer.decision import answer_at
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.measure.server import ServerUnderTest
from plimsoll.profiling.measure.window import pace
from plimsoll.profiling.phases.candidate import Size
from plimsoll.profiling.phases.capacity import Capacity, run_level
from plimsoll.profiling.phases.open_loop import run_rate, slo_met
from plimsoll.profiling.phases.start import wait_for_start
from plimsoll.profiling.session import Session

ELASTIC_CORES = 1.2
# Twice the cores must bring at least this many times the throughput.
_WORTH_DOUBLING = 1.4
_WARMUP_PARTS = 3


def is_elastic(findings: Findings) -> bool:
    """One request alone keeps more than one core busy, or would: more threads share its work than the server gave.

    The threads tell it also on a machine that others keep busy, where the cores do not.
    """
    rows = findings.census.succeeded()
    elapsed_s = sum(row.answer.latency_s for row in rows)
    cores = sum(row.cpu_s for row in rows) / elapsed_s if elapsed_s else 0.0
    return cores > ELASTIC_CORES or findings.census.busy_threads > findings.options.threads


def sweep(session: Session) -> None:
    """Fills in `sizes` and `chosen_size`; needs the first server gone."""
    findings = session.findings
    knee, plan = findings.capacity.knee(), findings.plan
    if plan is None or knee is None or not plan.sweep_s or findings.lost():
        return
    cpus = findings.server_cpus()
    sizes = list(smaller_sizes(len(cpus)))
    for count in sizes:
        with session.server(cpus[:count], prefix=f"{count} CPU: ") as server:
            expected_rps = knee.throughput_rps * count / len(cpus)
            levels = sorted({1, knee.connections, 2 * server.options.slots})
            findings.sizes.append(measure_size(session, server, levels, expected_rps, plan.sweep_s / len(sizes)))
    findings.choose(choose_size(findings))


def smaller_sizes(cpus: int) -> Iterator[int]:
    """1, 2, 4, … below the size that was measured already."""
    count = 1
    while count < cpus:
        yield count
        count *= 2


def measure_size(
    session: Session,
    server: ServerUnderTest,
    connections: Sequence[int],
    expected_rps: float,
    budget_s: float,
    once_ready: Callable[[], object] = lambda: None,
) -> Size:
    """A server that has just been started: a few closed-loop levels, then the open loop at what it would carry."""
    findings, options = session.findings, server.options
    startup = wait_for_start(server)
    once_ready()
    session.aim(server)
    server.choose(findings.loaded_rows, frozenset(row.index for row in findings.census.failed()))
    capacity, part_s = Capacity(stopped="a few levels only"), budget_s / (len(connections) + 1)
    server.begin("capacity", budget_s)
    server.window(options.slots, part_s / _WARMUP_PARTS, part_s / _WARMUP_PARTS, whole_passes=False)
    for count in connections:
        plan = pace(options.budget_s, part_s, expected_rps, len(server.rows), windows=1)
        capacity.levels.append(run_level(server, count, plan))
    answer = answer_at(findings, capacity, options.configuration)
    level = run_rate(server, answer.operating_rps if answer else expected_rps / 2, part_s)
    findings.rates.insert(0, level)
    return Size(server.cpus, options.configuration, startup, capacity, level)


def choose_size(findings: Findings) -> Size | None:
    """The smallest that keeps the SLO, else the last whose doubling paid; None is the full size."""
    full = len(findings.server_cpus())
    kept = [size for size in findings.sizes if slo_met(size.level, findings.options.slo)]
    if kept:
        return kept[0]
    if findings.options.slo is not None:
        return None
    steps = [(size.cpus, size.capacity.best_rps()) for size in findings.sizes if size.method == "affinity"]
    best = pays_up_to([*steps, (full, findings.capacity.best_rps())])
    return next((size for size in findings.sizes if size.cpus == best), None)


def pays_up_to(steps: Sequence[tuple[float, float]]) -> float:
    """CPUs up to which each doubling brought 1.4 times the throughput; a smaller step in proportion."""
    for (cpus, rate_rps), (more_cpus, more_rps) in pairwise(steps):
        wanted = _WORTH_DOUBLING ** math.log2(more_cpus / cpus)
        if more_rps < wanted * rate_rps:
            return cpus
    return steps[-1][0]
