"""The answer as people read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from plimsoll.deploy.fit.answer import ConfigurationFit, FitAnswer, PartFacts, PoolFacts, ReplicaFacts
from plimsoll.profiling.advice.configuration import Configuration, counted
from plimsoll.profiling.advice.rounding import GIBIBYTE, MEBIBYTE
from plimsoll.reports.units import UNKNOWN, cores, number, percent

_HEAD = ("", "nodes", "replicas", "on each", "full by", "CPU used", "memory used", "vCPUs", "GiB", "processor")
_PRICES = ("per hour", "per million")
# Columns of words; all others are of numbers.
_WORDS = ("", "nodes", "full by", "processor")


def lines(answer: FitAnswer) -> Iterator[str]:
    """What is needed, the pools, and at the end what was counted and what is doubtful."""
    best, priced = answer.best, answer.compared_by == "price"
    yield f"profile:   {answer.profile.name}, grade {answer.profile.grade}"
    yield f"replica:   {_layout(best)}; {number(best.requests_per_second)} requests/s; {_takes(best.replica)}"
    if best.replica.limit_cores is not None and best.replica.packed_by == "request":
        yield f"limit:     {cores(best.replica.limit_cores)} for each replica; a ceiling, which no node sets aside"
    yield f"target:    {number(answer.target_requests_per_second)} requests/s: {_survival(answer)}"
    if answer.objective is not None:
        yield f"objective: {answer.objective.sentence}"
    yield ""
    yield from _table(best.pools, priced)
    if answer.runner_up is not None:
        yield ""
        yield from _runner_up(answer.runner_up, priced)
    yield ""
    if not priced:
        yield "ranked by size, as no price is known: vCPUs, 8 GB of memory as one, a GPU as eight"
    yield from answer.notes
    yield from (f"warning: {warning}" for warning in answer.warnings)


def _layout(fit: ConfigurationFit) -> str:
    return str(Configuration(fit.workers, fit.threads, fit.max_batch_size))


def _takes(replica: ReplicaFacts) -> str:
    """`requests 1.25 cores, 256 Mi, 1 GPU`."""
    parts = [f"{replica.packed_by}s {cores(replica.cpu_cores)}", f"{replica.memory_bytes // MEBIBYTE} Mi"]
    if replica.mig_profile is not None:
        parts.append(f"{counted(replica.gpus, 'slice')} {replica.mig_profile}")
    elif replica.gpus:
        parts.append(counted(replica.gpus, "GPU"))
    return ", ".join(parts)


def _survival(answer: FitAnswer) -> str:
    needed = _replicas(answer.best)
    if not answer.spare_nodes:
        return f"{needed}, no node to spare"
    lost = "one node is" if answer.spare_nodes == 1 else f"{answer.spare_nodes} nodes are"
    return f"{needed}, also when {lost} lost"


def _runner_up(fit: ConfigurationFit, priced: bool) -> Iterator[str]:
    carries = f"{number(fit.requests_per_second)} requests/s"
    yield f"runner-up: {_layout(fit)}; {carries}; {_takes(fit.replica)}; {_replicas(fit)}"
    if fit.nothing_fits is None:
        yield from _table(fit.pools[:1], priced)
    else:
        yield fit.nothing_fits


def _replicas(fit: ConfigurationFit) -> str:
    return f"{fit.replicas_needed} replica{'s' * (fit.replicas_needed != 1)}"


def _table(pools: Sequence[PoolFacts], priced: bool) -> Iterator[str]:
    head = _HEAD + (_PRICES if priced else ())
    rows = [head, *(_row(place, pool, priced) for place, pool in enumerate(pools, 1))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = (
            cell.ljust(width) if name in _WORDS else cell.rjust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _row(place: int, pool: PoolFacts, priced: bool) -> tuple[str, ...]:
    parts = pool.parts
    cells = (
        f"{place}",
        " + ".join(f"{part.count} x {part.node}" for part in parts),
        f"{pool.replicas}",
        _each(parts, lambda part: f"{part.replicas_per_node}"),
        _each(parts, lambda part: part.full_by),
        percent(pool.used_cpu_share),
        percent(pool.used_memory_share),
        f"{sum(part.vcpu * part.count for part in parts):.12g}",
        f"{sum(part.memory_bytes * part.count for part in parts) / GIBIBYTE:.12g}",
        _each(parts, lambda part: part.processor_is),
    )
    if not priced:
        return cells
    return *cells, _money(pool.price_per_hour), _money(pool.price_per_million_requests)


def _each(parts: Sequence[PartFacts], cell: Callable[[PartFacts], str]) -> str:
    """Once, where all types of the pool have the same."""
    return ", ".join(dict.fromkeys(cell(part) for part in parts))


def _money(amount: float | None) -> str:
    """Three digits, and cents where there are more."""
    if amount is None:
        return UNKNOWN
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.3g}"
