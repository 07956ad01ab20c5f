"""`builtin:sklearn` on a model that was trained on a data frame and picks its columns by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from contract_scripts import RunScript, post

from plimsoll.entry import builtin

pytestmark = pytest.mark.models

MAKER = """
import sys, joblib, pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
frame = pd.DataFrame({"kind": ["a", "b", "a", "b"], "size": [1.0, 2.0, 3.0, 4.0]})
columns = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
joblib.dump(make_pipeline(columns, LinearRegression()).fit(frame, [1, 102, 3, 104]), sys.argv[1])
"""


def test_a_model_of_a_data_frame(packages: Path, with_packages: RunScript, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    result = subprocess.run(
        [sys.executable, "-c", MAKER, str(tmp_path / "model" / "frame.joblib")],
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    named, listed, missing, short = with_packages(
        builtin.path("sklearn").read_text(),
        post({"data": [{"size": 7, "kind": "b"}]}),
        post({"data": [["b", 7], ["a", 5]]}),
        post({"data": [{"size": 7}]}),
        post({"data": [[1]]}),
        model_dir=str(tmp_path / "model"),
    ).answers
    assert named.value["predictions"] == pytest.approx([107])
    assert listed.value["predictions"] == pytest.approx([107, 5])
    assert (missing.status, short.status) == (400, 400)
    assert b"Each row must have the features kind, size." in missing.body
    assert b"rows of 2 features" in short.body
