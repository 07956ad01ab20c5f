"""When recorded requests came: the time that each says, and the times of those that say no more than the second."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from plimsoll.profiling.dataset.rows import Row

_LATEST_S = 1e11
"""Far beyond any recording; a time in milliseconds is later."""


def arrival_of(time: object) -> float | None:
    """In seconds since 1970, of a time in RFC 3339; some of Azure's events have it in seconds already.

    Only a replay of the arrivals needs one, so that a recording without times can still be sent. Raises
    ValueError or TypeError where it is not a time.
    """
    if time is None:
        return None
    if isinstance(time, str) and not time.isdigit():
        found = datetime.fromisoformat(time)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    if not isinstance(time, str | int | float) or not abs(at_s := float(time)) < _LATEST_S:
        raise ValueError(f"{time!r} is not a time")
    return at_s


def spread(rows: Sequence[Row]) -> list[Row]:
    """In the order of arrival. SageMaker and Azure record whole seconds, so that all requests of one would be sent at
    once: they come at random instants of it instead, in their order, and always the same ones."""
    ordered = sorted(rows, key=lambda row: (row.arrived_s or 0.0, row.number))
    times = {row.arrived_s for row in ordered}
    if len(times) in (1, len(ordered)) or any(at is None or at % 1 for at in times):
        return ordered
    return list(_spread(ordered))


def _spread(ordered: Sequence[Row]) -> Iterator[Row]:
    draw = random.Random(len(ordered))  # noqa: S311  # repeatable, nothing secret
    for at, group in groupby(ordered, key=lambda row: row.arrived_s):
        together = list(group)
        instants = sorted(draw.random() for _ in together)
        yield from (replace(row, arrived_s=(at or 0.0) + part) for row, part in zip(together, instants, strict=True))
