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

from plimsoll.entry.tensors.lists import Lists
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


def _said(server: Server, content: Any) -> Any:
    reply = server.post("/invocations", json.dumps(content).encode(), accept=JSON)
    assert reply.status == 200, reply
    return reply.json()
