"""Phase: the same server on 1, 2, 4, … CPUs, for models that spread one request over all the cores they see.

Numerical libraries start a thread for every CPU that a process may use. What such a model takes is then a property of
the machine, and the question is how many cores still pay. Each size is a server of its own, held to its CPUs by
affinity; the server gives its libraries that many threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from plimsoll.profiling.bench import Bench
from plimsoll.profiling.capacity import Capacity, Level, run_level
from plimsoll.profiling.decide import answer_at
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.operate import slo_met
from plimsoll.profiling.pacing import pace
from plimsoll.profiling.rates import run_rate
from plimsoll.profiling.session import Session
from plimsoll.profiling.sizes import Size
from plimsoll.profiling.start import wait_for_start

ELASTIC_CORES = 1.2
# Twice the cores must bring at least this many times the throughput.
_WORTH_DOUBLING = 1.4
_PARTS = 3


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
    cpus = findings.placement.server or findings.host.allowed_cpus
    sizes = list(smaller_sizes(len(cpus)))
    for count in sizes:
        with session.server(cpus[:count], prefix=f"{count} CPU: ") as bench:
            findings.sizes.append(_measure(session, bench, knee, plan.sweep_s / len(sizes)))
    findings.chosen_size = choose_size(findings)


def smaller_sizes(cpus: int) -> Iterator[int]:
    """1, 2, 4, … below the size that was measured already."""
    count = 1
    while count < cpus:
        yield count
        count *= 2


def _measure(session: Session, bench: Bench, knee: Level, budget_s: float) -> Size:
    findings, options = session.findings, session.findings.options
    startup = wait_for_start(bench)
    session.aim(bench)
    bench.choose(findings.loaded_rows, frozenset(row.index for row in findings.census.failed()))
    capacity = Capacity(stopped="one request at a time and as many as at the knee")
    warm_s = budget_s / _PARTS / 4
    bench.begin("capacity", budget_s)
    bench.window(options.slots, warm_s, warm_s, whole_passes=False)
    expected_rps = knee.throughput_rps * bench.cpus / len(findings.placement.server or findings.host.allowed_cpus)
    for connections in sorted({1, knee.connections, 2 * options.slots}):
        plan = pace(options.budget_s, budget_s / _PARTS, expected_rps, len(bench.rows), windows=1)
        capacity.levels.append(run_level(bench, connections, plan))
    answer = answer_at(findings, capacity)
    level = run_rate(bench, answer.operating_rps if answer else knee.throughput_rps / 2, budget_s / _PARTS)
    findings.rates.insert(0, level)
    return Size(bench.cpus, startup, capacity, level)


def choose_size(findings: Findings) -> Size | None:
    """The smallest that keeps the SLO, else the last whose doubling paid; None is the full size."""
    full = len(findings.placement.server or findings.host.allowed_cpus)
    kept = [size for size in findings.sizes if slo_met(size.level, findings.options.slo)]
    if kept:
        return kept[0]
    if findings.options.slo is not None:
        return None
    steps = [(size.cpus, size.capacity.best_rps()) for size in findings.sizes]
    best = pays_up_to([*steps, (full, findings.capacity.best_rps())])
    return next((size for size in findings.sizes if size.cpus == best), None)


def pays_up_to(steps: Sequence[tuple[int, float]]) -> int:
    """CPUs up to which each doubling brought 1.4 times the throughput; a smaller step in proportion."""
    for (cpus, rate_rps), (more_cpus, more_rps) in pairwise(steps):
        wanted = _WORTH_DOUBLING ** math.log2(more_cpus / cpus)
        if more_rps < wanted * rate_rps:
            return cpus
    return steps[-1][0]
