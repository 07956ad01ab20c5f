"""A score.py under MLflow's contract where pandas is there, compared with the record of `mlflow models serve`.

The function is the one of a model in that record, without a signature.
"""

from __future__ import annotations

import sys
from pathlib import Path

from support.fixtures import Serve

sys.path.append(str(Path(__file__).parents[1] / "contracts" / "mlflow"))

from mlflow_asked import ask, differs, recorded
from mlflow_cases import CASES, json_case
from mlflow_scripts import PLAIN

RECORD = recorded()["cases"]
SCRIPT = "def init(): pass\ndef run(model_input, params=None):" + PLAIN
# What a script of its own may do, and a model does not.
ON_PURPOSE = {"result: decimal": 500, "result: predictions": 200}


def test_tables_and_results_are_those_of_a_model(serve: Serve, packages: Path) -> None:
    names = [name for name, case in CASES.items() if case.model == "plain"]
    with serve(SCRIPT, "--contract", "mlflow", env={"PYTHONPATH": str(packages)}) as server:
        answers = {name: ask(server.port, CASES[name]) for name in names}
        table = json_case("plain", {"input_data": {"columns": ["what"], "data": [["series"]]}})
        assert ask(server.port, table)["json"] == {"predictions": [{"score": 1.5}, {"score": 2.5}]}
    found = {name: differs(answers[name], RECORD[name]) for name in names if name not in ON_PURPOSE}
    assert set(found.values()) == {""}, found
    assert {name: answers[name]["status"] for name in ON_PURPOSE} == ON_PURPOSE
    assert answers["result: predictions"]["json"] == {"predictions": [1], "more": 2}
