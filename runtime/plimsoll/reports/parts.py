"""What a section of the page is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

_WIDE, _NARROW = 752.0, 354.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The same chart drawn for a desk and for a phone."""

    wide: Markup
    narrow: Markup


@dataclass(frozen=True, slots=True)
class TableData:
    """The first column is text, the others are numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A section of the page; the caption says what is seen on it."""

    title: str
    caption: str
    chart: Pair | None = None
    tables: tuple[TableData, ...] = ()


def pair(draw: Callable[[float], str]) -> Pair:
    """Draws twice; what comes from the profile is escaped by plimsoll.reports.charts.svg."""
    return Pair(Markup(draw(_WIDE)), Markup(draw(_NARROW)))  # noqa: S704
