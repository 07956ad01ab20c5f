"""How long a batch takes against how many calls are in it."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.levels import BatchLevelResult
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.charts.batches import batch_chart
from plimsoll.reports.html_parts import Figure, TableData, pair
from plimsoll.reports.units import milliseconds, number


def batches(profile: Profile) -> Iterator[Figure]:
    """Nothing where run() takes single calls."""
    levels, fit = profile.measurements.batch_levels, profile.measurements.batch_fit
    if not levels:
        return
    chart = pair(lambda width: batch_chart(levels, fit, width)) if len(levels) > 1 else None
    yield Figure("What a batch costs", _sentence(profile), chart, (batches_table(levels),))


def _sentence(profile: Profile) -> str:
    fit = profile.measurements.batch_fit
    if fit is None:
        return "Batches of too few sizes were seen to tell what a further call in one costs."
    return (
        f"A batch takes {milliseconds(fit.seconds_per_batch)} ms however small it is, and "
        f"{milliseconds(fit.seconds_per_call)} ms more for each call in it; worth collecting are up to "
        f"{fit.best_size:,} of the {fit.largest_size:,} calls that a batch may hold."
    )


def batches_table(levels: list[BatchLevelResult]) -> TableData:
    """One line per number of connections."""
    columns = ("connections", "calls per batch", "ms per batch", "ms per call", "batches", "requests/s")
    return TableData(columns, tuple(_row(level) for level in levels))


def _row(level: BatchLevelResult) -> tuple[str, ...]:
    return (
        str(level.connections),
        number(level.batch_size),
        milliseconds(level.run_seconds),
        milliseconds(level.run_seconds / level.batch_size),
        f"{level.batches:,}",
        number(level.requests_per_second),
    )
