"""Texts of which one is much longer than the others: NumPy would give each of them its room, 4 TB of a body of 4 MB.

That is more than any machine here has: where it were tried, there would be no answer, or another one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plimsoll.entry.builtin.mlflow_input import arrays_in
from plimsoll.entry.tensors.lists import Lists
from plimsoll.entry.toolkit.decoder import decode
from support.fixtures import Serve
from support.server import Server

TEXTS = ["x" * 1_000_000] + [""] * 1_000_000
JSON = "application/json"
DTYPE = "def init(): pass\ndef run(model_input): return [model_input.dtype.str, len(model_input)]\n"
TOOLKIT = """
def model_fn(model_dir): return None
def predict_fn(data, model): return [data.dtype.str, len(data)]
"""
MAKER = Path(__file__).parents[2] / "entry_scripts" / "sklearn" / "make_model.py"


@pytest.mark.parametrize("form", ["inputs", "instances"])
def test_mlflows_arrays(form: str, serve: Serve) -> None:
    server = serve(DTYPE, "--contract", "mlflow")
    assert _said(server, {form: TEXTS}) == {"predictions": ["|O", len(TEXTS)]}
    assert _said(server, {form: ["a", "bcd"]}) == {"predictions": ["<U3", 2]}
    assert server.post("/invocations", json.dumps({form: [*TEXTS, ["a"]]}).encode()).status == 400


def test_sagemakers_arrays(serve: Serve) -> None:
    server = serve(TOOLKIT, "--contract", "sagemaker")
    assert _said(server, TEXTS) == ["|O", len(TEXTS)]
    assert _said(server, ["a", "bcd"]) == ["<U3", 2]
    rows = "\n".join(text or "y" for text in TEXTS).encode()
    assert server.post("/invocations", rows, content_type="text/csv").status >= 400
    assert server.post("/invocations", b"a,b\nc,d", content_type="text/csv").json() == ["<U1", 2]


def test_a_builtin_model_is_not_asked(tmp_path: Path) -> None:
    subprocess.run([sys.executable, MAKER, tmp_path], check=True, capture_output=True)
    flags = ("--entry-script", "builtin:sklearn", "--model-dir", str(tmp_path / "model"))
    with Server(tmp_path / "score.py", *flags) as server:
        (worker,) = server.workers()
        assert server.post("/score", json.dumps({"data": [[text] for text in TEXTS]}).encode()).status == 400
        assert [one.pid for one in server.workers()] == [worker.pid]


def test_many_arrays_of_one_request_share_what_is_free() -> None:
    lists = Lists()
    lopsided = ["x" * 100_000] + [""] * 9
    kinds = [lists.array(lopsided).dtype.kind for _ in range(10)]
    assert kinds == ["U"] * 4 + ["O"] * 6


@pytest.mark.parametrize("rest", ["x", ""])
@pytest.mark.parametrize("first", ["x", "1", ""])
def test_a_csv_is_measured_by_cell(first: str, rest: str) -> None:
    """Each line is as long as the others, and has a long text in another column: 400 times the body."""
    cells = ([first, *[rest] * at, "y" * 400, *[rest] * (199 - at)] for at in range(200))
    lines = [",".join(row) for row in cells]
    assert decode("\n".join(lines[:50]), "text/csv").nbytes < 17 * 2**20
    with pytest.raises(ValueError, match="one text of the CSV"):
        decode("\n".join(lines * 5), "text/csv")


def test_a_csv_of_numbers_may_have_a_column_of_long_texts() -> None:
    lines = ["1.5," * 100 + "y" * 500] * 1_000
    assert decode("\n".join(lines), "text/csv").nbytes < 3 * 2**20


def test_a_csv_of_texts_has_cells_of_the_longest() -> None:
    lines = ["x," * 100 + "y" * 500] * 1_000
    with pytest.raises(ValueError, match="one text of the CSV"):
        decode("\n".join(lines), "text/csv")


@pytest.mark.parametrize("end", ["\v", "\f", "\x1c", "\x85", "\u2028", "\r"])
def test_a_csv_has_the_lines_that_numpy_sees(end: str) -> None:
    """Python knows more ends of lines."""
    with pytest.raises(ValueError, match="one text of the CSV"):
        decode(f"y{end}" * 50_000 + "\na" * 5_000, "text/csv")


def test_a_csv_may_have_a_long_comment() -> None:
    assert decode("# " + "c" * 20_000 + "\n" + "1,2\n\n" * 2_000, "text/csv").shape == (2_000, 2)


class Row(dict[str, Any]):
    """Counts how often anything in it is looked for."""

    looks = 0

    def __contains__(self, name: object) -> bool:
        Row.looks += 1
        return super().__contains__(name)


def test_instances_with_names_of_their_own_are_read_once() -> None:
    """As often as there are names, a body of 1 MB kept a worker busy for minutes."""
    rows = [Row({f"c{at}": at, "all": "a"}) for at in range(100)]
    columns = [one for one in arrays_in({"instances": rows}) if one is not None]
    assert columns[1] == ["a"] * 100
    assert sorted(columns[:1] + columns[2:]) == [[at] for at in range(100)]
    assert Row.looks <= 2 * len(rows)


def _said(server: Server, content: Any) -> Any:
    reply = server.post("/invocations", json.dumps(content).encode(), accept=JSON)
    assert reply.status == 200, reply
    return reply.json()
