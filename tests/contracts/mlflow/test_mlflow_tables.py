"""Tables of which nearly all cells are empty: 8,000 records with a name each are half a gigabyte as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from plimsoll.entry.tensors.tables import is_sparse
from support.server import Server

SCRIPT = """
def init(): pass
def run(model_input): return [1]
"""
SPARSE: dict[str, Any] = {
    "names of their own": {"dataframe_records": [{f"c{at}": at} for at in range(8_000)]},
    "one long record": {"dataframe_records": [[0] * 8_000, *([0] for _ in range(8_000))]},
    "one long row": {"dataframe_split": {"data": [[0] * 8_000, *([0] for _ in range(8_000))]}},
    "columns": {"dataframe_split": {"columns": [f"c{at}" for at in range(8_000)], "data": [[0]] * 8_000}},
    "an index for each column": {"dataframe_split": {"data": {f"c{at}": {f"i{at}": 0} for at in range(8_000)}}},
    "Azure's": {"input_data": {"columns": [f"c{at}" for at in range(8_000)], "data": [[0]] * 8_000}},
}
FULL: dict[str, Any] = {
    "records": {"dataframe_records": [{"a": 1, "b": at} for at in range(9_000)]},
    "split": {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]] * 9_000}},
    "wide": {"dataframe_split": {"data": [[0] * 3_000] * 3}},
    "a small one with holes": {"dataframe_records": [{f"c{at}": at} for at in range(1_000)]},
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("tables") / "score.py"
    path.write_text(SCRIPT)
    with Server(path, "--contract", "mlflow") as server:
        yield server


@pytest.mark.parametrize("name", SPARSE)
def test_a_table_of_holes_is_refused(name: str, tables: Server) -> None:
    reply = tables.post("/invocations", json.dumps(SPARSE[name]).encode())
    assert reply.status == 400
    assert "Most cells of the table are empty" in reply.json()["message"]


def test_so_is_a_csv_of_holes(tables: Server) -> None:
    wide = ",".join("c" * 8_000) + "\n" + "1\n" * 8_000
    assert "Most cells" in tables.post("/invocations", wide.encode(), content_type="text/csv").json()["message"]


@pytest.mark.parametrize("name", FULL)
def test_a_full_table_is_none_of_these(name: str) -> None:
    ((form, value),) = FULL[name].items()
    assert not is_sparse(form, value)
    assert not is_sparse("text/csv", "a,b\n" * 100_000)
