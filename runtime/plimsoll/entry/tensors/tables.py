"""Tables with far more cells than anybody has sent: pandas fills in the others, at 8 bytes each or more.

A record with a name of its own, one long row among short ones or a wide header above them make cells without end:
2 MB of such records would take 180 GB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SPARSE = "Most cells of the table are empty, and each of them takes memory. Send rows of the same columns."
CSV = "text/csv"
_TIMES = 8
_FREE_CELLS = 2**21
"""16 MiB, so that small tables may have any holes."""
_Size = tuple[int, int]
"""Cells that the table has, and cells that were sent."""


def is_sparse(form: str, value: Any) -> bool:
    """Of a value in one of mlflow's forms for tables, or the text of a CSV; anything else is no table."""
    measure = _MEASURES.get(form)
    cells, sent = (0, 0) if measure is None else measure(value)
    return cells > _FREE_CELLS and cells > _TIMES * sent


def _of_split(value: Any) -> _Size:
    if not isinstance(value, dict):
        return 0, 0
    columns, data = value.get("columns"), value.get("data")
    width = len(columns) if isinstance(columns, list) else 0
    rows = list(data.values()) if isinstance(data, dict) else data
    cells, sent = _of_rows(rows)
    return max(cells, width * len(rows) if isinstance(rows, list) else 0), sent + width


def _of_rows(rows: Any) -> _Size:
    if not isinstance(rows, list):
        return 0, 0
    names = {name for row in rows if isinstance(row, dict) for name in row}
    sizes = [len(row) for row in rows if isinstance(row, dict | list)]
    return len(rows) * max([len(names), *(len(row) for row in rows if isinstance(row, list))]), sum(sizes) + len(rows)


def _of_csv(text: Any) -> _Size:
    lines = text.count("\n") + 1
    return lines * (text.partition("\n")[0].count(",") + 1), lines + text.count(",")


_MEASURES: dict[str, Callable[[Any], _Size]] = {
    "dataframe_split": _of_split,
    "dataframe_records": _of_rows,
    CSV: _of_csv,
}
