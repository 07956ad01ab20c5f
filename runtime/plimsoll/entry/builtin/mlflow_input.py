"""Azure ML's form of a request to an MLflow model, in terms of mlflow's own.

``{"input_data": ..., "params": ...}``: a table with columns, index and data, a list, or inputs by name. It is what the
scoring script takes that Azure ML writes for models that are deployed without one.
"""

from __future__ import annotations

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
