"""How the time of a batch depends on the number of calls in it."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.measurements import BatchLevelResult
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.charts.batches import batch_chart
from plimsoll.reports.parts import Figure, TableData, pair
from plimsoll.reports.units import milliseconds, number


def batches(profile: Profile) -> Iterator[Figure]:
    levels, fit = profile.measurements.batch_levels, profile.measurements.batch_fit
    if not levels:
        return
    chart = pair(lambda width: batch_chart(levels, fit, width)) if len(levels) > 1 else None
    yield Figure("What a batch costs", _sentence(profile), chart, (batches_table(levels),))


def _sentence(profile: Profile) -> str:
    fit = profile.measurements.batch_fit
    if fit is None:
        return "Too few different batch sizes were seen to work out what another call in a batch costs."
    return (
        f"A batch takes {milliseconds(fit.seconds_per_batch)} ms plus {milliseconds(fit.seconds_per_call)} ms for each "
        f"call in it; up to {fit.best_size:,} calls are worth collecting, of the {fit.largest_size:,} that the script "
        "allows in a batch."
    )


def batches_table(levels: list[BatchLevelResult]) -> TableData:
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
