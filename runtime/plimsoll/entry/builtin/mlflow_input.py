"""Azure ML's form of a request to an MLflow model, in terms of mlflow's own.

``{"input_data": ..., "params": ...}``: a table with columns, index and data, a list, or inputs by name. It is what the
scoring script takes that Azure ML writes for models that are deployed without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

AZURES = "input_data"
MLFLOWS = frozenset({"dataframe_split", "dataframe_records", "inputs", "instances"})
_SPLIT = frozenset({"columns", "index", "data"})


def as_mlflows(request: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The request, in another form where it is in Azure ML's; and `AZURES` where it was. A form of mlflow's wins."""
    if AZURES not in request or MLFLOWS & request.keys():
        return request, ""
    value = request.pop(AZURES)
    return {form_of(value): value} | request, AZURES


def form_of(value: Any) -> str:
    """A table needs no index, which theirs asks for."""
    is_table = isinstance(value, dict) and {"columns", "data"} <= value.keys() <= _SPLIT
    return "dataframe_split" if is_table else "inputs"


def arrays_in(request: dict[str, Any]) -> Iterable[Any]:
    """The lists of which mlflow makes an array each: of `instances` that are rows, the columns."""
    for form in ("inputs", "instances"):
        value = request.get(form)
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            rows = [row for row in value if isinstance(row, dict)]
            if form == "inputs":
                yield from (one for row in rows for one in row.values())
            else:
                yield from _columns(rows)
        else:
            yield value


def _columns(rows: Iterable[dict[str, Any]]) -> Iterable[list[Any]]:
    """In one pass: a client may give every row a name of its own."""
    columns: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns.values()
