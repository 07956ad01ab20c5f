"""What a model takes of a request: a pandas DataFrame, an array, or arrays by name; as mlflow makes it of each form."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from io import BytesIO, StringIO
from typing import Any

from plimsoll.contracts.mlflow.forms import CSV, PARQUET, Form, Unfit
from plimsoll.entry.builtin.mlflow_input import AZURES, form_of
from plimsoll.entry.tensors.lists import Lists
from plimsoll.entry.tensors.tables import SPARSE, is_sparse

_SPLIT = frozenset({"columns", "index", "data"})
_NO_PANDAS = "This server has no pandas, and takes tensors only: inputs or instances."


def value_of(form: Form) -> Any:
    """Raises Unfit."""
    name = form_of(form.data) if form.name == AZURES else form.name
    if is_sparse(name, form.data):
        raise Unfit(f"Invalid input. {SPARSE}")
    return _MAKERS[name](form.data)


def _split(data: Any) -> Any:
    if not isinstance(data, dict):
        raise Unfit("Invalid input. dataframe_split must be an object.")
    if "data" not in data or not data.keys() <= _SPLIT:
        raise Unfit(f"Invalid input. dataframe_split must have data, and may have columns and index: {sorted(data)}.")
    return _frame(lambda pandas: pandas.DataFrame(**({"index": None, "columns": None} | data)))


def _records(data: Any) -> Any:
    if not isinstance(data, list):
        raise Unfit("Invalid input. dataframe_records must be a list of records.")
    return _frame(lambda pandas: pandas.DataFrame(data=data))


def _csv(text: str) -> Any:
    return _frame(lambda pandas: pandas.read_csv(StringIO(text)))


def _parquet(content: bytes) -> Any:
    return _frame(lambda pandas: pandas.read_parquet(BytesIO(content)))


def _frame(make: Callable[[Any], Any]) -> Any:
    try:
        pandas = import_module("pandas")
    except ModuleNotFoundError:
        raise Unfit(_NO_PANDAS, 415) from None
    try:
        return make(pandas)
    except Exception as failure:  # what pandas raises for tables that are none has no end
        raise Unfit(f"Invalid input. It is not a valid table: {failure}") from None


def _inputs(data: Any) -> Any:
    lists = Lists()
    if isinstance(data, dict):
        return {name: _array(value, lists) for name, value in data.items()}
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        return [{name: _array(value, lists) for name, value in row.items()} for row in data]
    return _array(data, lists)


def _instances(data: Any) -> Any:
    if isinstance(data, list) and data and isinstance(data[0], dict):
        data = _columns(data)
    found = _inputs(data)
    if isinstance(found, dict) and len({len(value) if value.shape else None for value in found.values()}) > 1:
        raise Unfit("Invalid input. The length of values for each input/column name are not the same")
    return found


def _columns(rows: list[Any]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise Unfit("Invalid input. All instances must be objects, or none.")
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def _array(data: Any, lists: Lists) -> Any:
    try:
        return lists.array(data)
    except (ValueError, TypeError, OverflowError, MemoryError) as failure:
        raise Unfit(f"Invalid input. {failure}") from None


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "inputs": _inputs,
    "instances": _instances,
    CSV: _csv,
    PARQUET: _parquet,
}
