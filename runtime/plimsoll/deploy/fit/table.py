"""Tables of node types: those that come with Plimsoll, and a CSV of one's own with the same columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from plimsoll.deploy.fit.node import NodeType, Provider
from plimsoll.errors import TableError, UsageError
from plimsoll.profiling.advice.rounding import GIBIBYTE

BUNDLED = ("azure", "aws", "gcp")
MANAGED = "azureml"
"""Of Azure's page "Managed online endpoints SKU list" of 2023-10-18; its nodes are not those of a cluster."""

_MOST = 10**9
"""Of whatever a table counts. Products of larger numbers would be infinite some day."""


def _name(text: str) -> str:
    if not text.isprintable():
        raise ValueError(text)
    return text


def _number(text: str) -> float:
    value = float(text)
    if not 0 <= value <= _MOST:
        raise ValueError(text)
    return value


def _positive(text: str) -> float:
    value = _number(text)
    if not value:
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = _number(text)
    if value != int(value):
        raise ValueError(text)
    return int(value)


def _positive_count(text: str) -> int:
    value = _count(text)
    if not value:
        raise ValueError(text)
    return value


def _gib(text: str) -> int:
    return int(_positive(text) * GIBIBYTE)


def _provider(text: str) -> str:
    if text not in get_args(Provider):
        raise ValueError(text)
    return text


# Column: field, reader, what a value must be.
_COLUMNS: Mapping[str, tuple[str, Callable[[str], Any], str]] = {
    "name": ("name", _name, "a name, of characters that can be printed"),
    "vcpu": ("vcpu", _positive, "a number above 0, at most 1e9"),
    "memory_gib": ("memory_bytes", _gib, "a number above 0, at most 1e9"),
    "gpu": ("gpu", _name, "a name, of characters that can be printed"),
    "gpu_count": ("gpu_count", _count, "a whole number"),
    "gpu_memory_gib": ("gpu_memory_bytes", _gib, "a number above 0, at most 1e9"),
    "processor": ("processor", _name, "a name, of characters that can be printed"),
    "max_pods": ("max_pods", _positive_count, "a whole number above 0"),
    "provider": ("provider", _provider, f"one of {', '.join(get_args(Provider))}"),
    "price_per_hour": ("price_per_hour", _number, "a number, 0 or more, at most 1e9"),
    "allocatable_cores": ("allocatable_cores", _positive, "a number above 0, at most 1e9"),
    "allocatable_memory_gib": ("allocatable_bytes", _gib, "a number above 0, at most 1e9"),
}
_REQUIRED = ("name", "vcpu", "memory_gib")


def table_text(name: str) -> str:
    """A bundled table by its name, else a file; raises UsageError or TableError."""
    if name in (*BUNDLED, MANAGED):
        return (resources.files("plimsoll.deploy.fit") / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"--nodes {name}: is not text in UTF-8", remedy="save it as a CSV in UTF-8") from error
    except OSError as error:
        remedy = f"name a CSV file, or one of {', '.join(BUNDLED)}"
        raise UsageError(f"--nodes {name}: cannot be read ({error.strerror})", remedy=remedy) from error


def read_nodes(name: str) -> list[NodeType]:
    """Raises TableError that names file, line, column and what is allowed there."""
    try:
        return _parsed(name, csv.reader(io.StringIO(table_text(name)), strict=True))
    except csv.Error as error:
        raise TableError(f"--nodes {name}: is no CSV ({error})") from error


def _parsed(name: str, rows: Any) -> list[NodeType]:
    columns = [column.strip() for column in next(rows, [])]
    _check_columns(name, columns)
    nodes: dict[str, NodeType] = {}
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        place = f"--nodes {name}, line {rows.line_num}"
        node = _node(place, columns, cells)
        if node.name in nodes:
            raise TableError(f"{place}: {node.name} stands there twice", remedy="leave one of them out")
        nodes[node.name] = node
    if not nodes:
        raise TableError(f"--nodes {name}: has no line below its columns")
    return list(nodes.values())


def _check_columns(name: str, columns: list[str]) -> None:
    place = f"--nodes {name}, line 1"
    for column in columns:
        if column not in _COLUMNS:
            raise TableError(f"{place}: no column is called {column!r}", remedy=f"columns: {', '.join(_COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise TableError(f"{place}: a column is there twice")
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise TableError(f"{place}: the column {missing[0]} is missing", remedy=f"columns: {', '.join(_COLUMNS)}")


def _node(place: str, columns: list[str], cells: list[str]) -> NodeType:
    if len(cells) != len(columns):
        raise TableError(f"{place}: {len(cells)} values for {len(columns)} columns")
    given = {column: cell.strip() for column, cell in zip(columns, cells, strict=True) if cell.strip()}
    for column in _REQUIRED:
        if column not in given:
            raise TableError(f"{place}: {column} is empty", remedy=f"it must be {_COLUMNS[column][2]}")
    node = NodeType(**dict(_value(place, column, text) for column, text in given.items()))
    if bool(node.gpu) != bool(node.gpu_count):
        raise TableError(f"{place}: gpu and gpu_count belong together", remedy="give both, or neither")
    _check_allocatable(place, node, given)
    return node


def _check_allocatable(place: str, node: NodeType, given: Mapping[str, str]) -> None:
    """kubectl prints millicores and Ki: read as cores and GiB they are a thousand nodes."""
    pairs = (
        ("allocatable_cores", node.allocatable_cores, "vcpu", node.vcpu),
        ("allocatable_memory_gib", node.allocatable_bytes, "memory_gib", node.memory_bytes),
    )
    for column, allocatable, sold_as, sold in pairs:
        if allocatable is not None and allocatable > sold:
            raise TableError(
                f"{place}: {column} = {given[column]} is more than {sold_as} = {given[sold_as]}",
                remedy="it is what is left of that, in cores and in GiB: 3860m are 3.86, 14162900Ki are 13.5",
            )


def _value(place: str, column: str, text: str) -> tuple[str, Any]:
    field, read, allowed = _COLUMNS[column]
    try:
        return field, read(text)
    except (ValueError, OverflowError):
        raise TableError(f"{place}: {column} = {text!r}", remedy=f"it must be {allowed}") from None
