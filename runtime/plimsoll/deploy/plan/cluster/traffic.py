"""How many requests a second come, over time: read from a table, or swinging between two rates.

time,rps                  the beginning of a step, and the mean rate in it
2026-03-01T00:00,120.5
2026-03-01T00:01,131
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from plimsoll.deploy.plan.cluster.duration import parse_duration, spoken
from plimsoll.errors import TableError, UsageError
from plimsoll.profiling.advice.configuration import counted

_TIME, _RATE = "time", "rps"
_SHORTEST_S, _LONGEST_ROW_S = 1.0, 3600.0
_TOLERANCE = 1 / 60
"""Of a step: a second of a minute."""
_LONGEST_S = 31 * 86400.0
_MOST_ROWS = 31 * 24 * 60
"""All steps of all settings that are tried are in memory at once."""
_MOST_RPS = 1e12
"""Thousands of times what the largest services in the world have; and counts are whole numbers up to there."""
_HAIR = 1e-6
"""Seconds and their quotients are floats: what is 26.9999999 is 27."""
_REMEDY = "rows at equal distances, of a second to an hour, in the columns time and rps"
_NUMBER = re.compile(r"\d+(\.\d+)?(e\+?\d+)?")
_SWING_REMEDY = "as in --rps 50:400:24h, in requests/s"
_SWING_STEP_S = 60.0
_SWING_STEPS = 24


@dataclass(frozen=True, slots=True)
class Traffic:
    """`rates_rps[n]` holds from n · `step_s` on; `begin` is the date of the first row, if it had one."""

    name: str
    step_s: float
    rates_rps: tuple[float, ...]
    begin: datetime | None = None

    @property
    def seconds(self) -> float:
        return self.step_s * len(self.rates_rps)

    @property
    def most_rps(self) -> float:
        return max(self.rates_rps)

    @property
    def mean_rps(self) -> float:
        return sum(self.rates_rps) / len(self.rates_rps)

    @property
    def peak_s(self) -> float:
        """The middle of the busiest stretch, the first of several."""
        return (self.rates_rps.index(self.most_rps) + 0.5) * self.step_s

    def rate_rps(self, at_s: float) -> float:
        return self.rates_rps[min(int(at_s / self.step_s + _HAIR), len(self.rates_rps) - 1)]


def parse_swing(text: str) -> Traffic:
    """`low:high:period`: one period of a cosine that begins and ends at the low rate. Raises UsageError."""
    parts = [part.strip() for part in text.split(":")]
    period_s = parse_duration(parts[2]) if len(parts) == 3 else None
    if period_s is None or not all(_NUMBER.fullmatch(part) for part in parts[:2]):
        raise UsageError(f"--rps {text!r} is not low:high:period", remedy=_SWING_REMEDY)
    low, high = float(parts[0]), float(parts[1])
    if not low <= high or high <= 0:
        raise UsageError(f"--rps {text!r}: the high rate is not above 0, or below the low one", remedy=_SWING_REMEDY)
    if high > _MOST_RPS:
        raise UsageError(f"--rps {text!r}: more than {_MOST_RPS:g} requests/s", remedy=_SWING_REMEDY)
    if not _SWING_STEP_S <= period_s <= _LONGEST_S:
        raise UsageError(f"--rps {text!r}: the period is not between a minute and 31 days", remedy=_SWING_REMEDY)
    count = max(_SWING_STEPS, round(period_s / _SWING_STEP_S))
    rates = (low + (high - low) * (1 - math.cos(2 * math.pi * (n + 0.5) / count)) / 2 for n in range(count))
    name = f"{low:g} to {high:g} requests/s and back in {spoken(period_s)}"
    return Traffic(name, period_s / count, tuple(rates))


def read_traffic(path: Path) -> Traffic:
    """Raises TableError that names the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TableError(f"--traffic {path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise TableError(f"--traffic {path}: not text in UTF-8", remedy=_REMEDY) from error
    return _Table(path, text).read()


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    at_s: float
    rate_rps: float
    date: datetime | None


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    text: str

    def read(self) -> Traffic:
        rows = list(self._rows())
        if len(rows) < 2:
            self._fail(1, "there are fewer than two rows below it")
        traffic = Traffic(self.path.name, self._step_s(rows), tuple(row.rate_rps for row in rows), rows[0].date)
        if traffic.most_rps <= 0:
            self._fail(rows[-1].line, "up to here, which is the end, every rate is 0")
        if traffic.seconds > _LONGEST_S:
            raise TableError(f"--traffic {self.path}: it is longer than 31 days", remedy="cut out a part of it")
        if len(rows) > _MOST_ROWS:
            self._fail(rows[_MOST_ROWS].line, f"more than {_MOST_ROWS} rows: cut out a part, or take longer steps")
        return traffic

    def _rows(self) -> Iterator[_Row]:
        lines = ((number, self._cells(number, line)) for number, line in enumerate(self.text.splitlines(), 1))
        header = [name.strip().lower() for name in next(lines, (1, []))[1]]
        missing = [name for name in (_TIME, _RATE) if name not in header]
        if missing:
            found = ", ".join(header) or "nothing"
            self._fail(1, f"no column {' and no column '.join(missing)}, but {found}")
        twice = next((name for name in (_TIME, _RATE) if header.count(name) > 1), None)
        if twice is not None:
            self._fail(1, f"the column {twice} is there twice")
        for number, cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                self._fail(number, f"{counted(len(cells), 'cell')} under {len(header)} columns")
            yield self._row(number, dict(zip(header, cells, strict=True)))

    def _cells(self, line: int, text: str) -> list[str]:
        """Line by line, as no cell here goes on in the next: a quote that is not closed is found where it stands."""
        try:
            return next(csv.reader([text], strict=True), [])
        except csv.Error as error:
            self._fail(line, f"no line of CSV ({error})")

    def _row(self, line: int, cells: dict[str, str]) -> _Row:
        at_s, date = self._time(line, cells[_TIME].strip())
        text = cells[_RATE].strip()
        try:
            rate_rps = float(text)
        except ValueError:
            self._fail(line, f"rps {text!r} is not a number")
        if not 0 <= rate_rps <= _MOST_RPS:
            self._fail(line, f"rps {text} is not a rate of 0 or more, at most {_MOST_RPS:g}")
        return _Row(line, at_s, rate_rps, date)

    def _time(self, line: int, text: str) -> tuple[float, datetime | None]:
        if _NUMBER.fullmatch(text):
            return float(text), None
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            self._fail(line, f"time {text!r} is neither a number of seconds nor a date such as 2026-03-01T00:00")
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return date.timestamp(), date

    def _step_s(self, rows: Sequence[_Row]) -> float:
        """As far as the first two rows are apart; so must all others be."""
        step_s = rows[1].at_s - rows[0].at_s
        for before, row in pairwise(rows):
            gap_s = row.at_s - before.at_s
            if (row.date is None) != (before.date is None):
                self._fail(row.line, "time is a date in one row and a number of seconds in another")
            if gap_s <= 0:
                self._fail(row.line, "it is not later than the row before")
            if not _SHORTEST_S - _HAIR <= step_s <= _LONGEST_ROW_S:
                self._fail(row.line, f"it comes {gap_s:g} s after the row before, not 1 s to 3600 s")
            if abs(gap_s - step_s) > _TOLERANCE * step_s:
                self._fail(row.line, f"a gap: {gap_s:g} s after the row before, where {step_s:g} s are expected")
        return step_s

    def _fail(self, line: int, why: str) -> NoReturn:
        raise TableError(f"--traffic {self.path}: line {line}: {why}", remedy=_REMEDY)
