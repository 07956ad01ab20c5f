"""`builtin:mlflow` on the models of mlflow_models.py, compared with the record of `mlflow models serve`.

mlflow is in none of our locks. In an environment that has mlflow of the record's version, pandas and scikit-learn:
`pip install --editable . pytest pytest-timeout pytest-cov`, then `pytest tests/contracts/mlflow`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from mlflow_asked import ask, differs, recorded
from mlflow_cases import CASES, JSON, MODELS, ROW, Case, json_case

from support.server import Client, Server, free_port, wait_for

RECORD = recorded()


def _installed() -> str:
    try:
        return version("mlflow")
    except PackageNotFoundError:
        return "none"


WANTED = RECORD["versions"]["mlflow"]
pytestmark = pytest.mark.skipif(_installed() != WANTED, reason=f"needs mlflow {WANTED}, there is {_installed()}")

# What is different on purpose: the status here, and why.
ON_PURPOSE = {
    "ping by POST": (405, "probes answer HEAD, too, and say so"),
    "no content type": (415, "theirs fails with an exception"),
    "deeply nested": (400, "theirs fails with an exception"),
    "a number of too many digits": (400, "theirs fails with an exception"),
    "input_data": (200, "Azure ML's form, which theirs does not know"),
    "a result without a form": (500, "JSON where theirs is text"),
    "result: decimal": (500, "JSON where theirs is text"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([sys.executable, Path(__file__).with_name("mlflow_models.py"), folder], check=True)
    return folder


@pytest.fixture(scope="module", params=MODELS)
def served(request: pytest.FixtureRequest, models: Path) -> Iterator[tuple[str, Server]]:
    with server_of(models / request.param, "--contract", "azureml,mlflow") as server:
        yield request.param, server


def server_of(model: Path, *flags: str) -> Server:
    script = model.parent / "unused.py"
    return Server(script, "--entry-script", "builtin:mlflow", "--model-dir", str(model), *flags)


def test_every_request_of_the_record(served: tuple[str, Server]) -> None:
    model, server = served
    names = [name for name, case in CASES.items() if case.model == model]
    answers = {name: ask(server.port, CASES[name]) for name in names}
    found = {name: differs(answers[name], RECORD["cases"][name]) for name in names if name not in ON_PURPOSE}
    # The version and unknown paths are the first contract's affair.
    assert {name: text for name, text in found.items() if text and name not in FIRST_CONTRACTS} == {}
    assert {name: answers[name]["status"] for name in names if name in ON_PURPOSE} == {
        name: ON_PURPOSE[name][0] for name in names if name in ON_PURPOSE
    }


FIRST_CONTRACTS = {"an unknown path", "a slash too many"}


def test_paths_that_nobody_knows_in_mlflows_words(models: Path) -> None:
    with server_of(models / "digits", "--contract", "mlflow") as server:
        found = {name: differs(ask(server.port, CASES[name]), RECORD["cases"][name]) for name in FIRST_CONTRACTS}
    assert set(found.values()) == {""}


def test_a_model_that_raises_is_in_the_log_and_never_in_the_answer(models: Path) -> None:
    with server_of(models / "raises", "--contract", "azureml,mlflow") as server:
        answers = [ask(server.port, CASES["the model raises"]), ask(server.port, at_score(CASES["the model raises"]))]
        reply = server.post("/score", CASES["the model raises"].body)
        server.wait_log("ValueError: a secret of the model")
    assert all("secret" not in str(answer) and "stack_trace" not in str(answer) for answer in answers)
    assert [answer["status"] for answer in answers] == [400, 400]
    assert reply.headers["x-ms-run-function-failed"] == "True"


@pytest.mark.parametrize(
    ("model", "value", "wanted"),
    [
        ("digits", [ROW], [0]),
        ("params", {"columns": ["x"], "index": [0], "data": [[1.0]]}, [5.0]),
        ("params", {"columns": ["x"], "data": [[1.0]]}, [5.0]),
        ("params", {"x": [1.0, 2.0]}, [5.0, 7.0]),
        ("plain", {"index": [1], "columns": ["what"], "data": [["series"]]}, [{"score": 1.5}, {"score": 2.5}]),
        ("plain", {"a": [1, 2]}, {"a": ["int64", [2]]}),
    ],
)
def test_azure_mls_form_is_answered_by_the_bare_predictions(
    models: Path, model: str, value: object, wanted: object
) -> None:
    with server_of(models / model, "--contract", "azureml,mlflow") as server:
        asked = json_case(model, {"input_data": value})
        assert [ask(server.port, case)["json"] for case in (asked, at_score(asked))] == [wanted, wanted]


def test_azure_mls_form_with_params(models: Path) -> None:
    with server_of(models / "params") as server:
        asked = at_score(json_case("params", {"input_data": {"x": [1.0]}, "params": {"factor": 5.0, "offsets": []}}))
        assert ask(server.port, asked)["json"] == [5.0]


def test_mlflows_forms_at_score(models: Path) -> None:
    names = ["split", "records", "inputs of columns", "instances that are records", "a column is missing"]
    with server_of(models / "columns") as server:
        found = [differs(ask(server.port, at_score(CASES[name])), RECORD["cases"][name]) for name in names]
        described = server.get("/score").json()
    assert found == [""] * len(names)
    assert [column["name"] for column in described["inputs"]] == ["size", "count", "name", "when", "extra"]


@pytest.mark.parametrize(("contract", "path"), [("sagemaker", "/invocations"), ("vertex", "/predict")])
def test_other_contracts_that_hand_a_request_on(models: Path, contract: str, path: str) -> None:
    asked = Case("digits", CASES["instances of a tensor"].body, path=path)
    with server_of(models / "digits", "--contract", contract) as server:
        assert ask(server.port, asked)["json"] == {"predictions": [0, 7]}


def test_a_folder_above_the_model(models: Path, tmp_path: Path) -> None:
    (tmp_path / "1").symlink_to(models / "digits")
    (tmp_path / "unused").mkdir()
    with server_of(tmp_path) as server:
        assert ask(server.port, at_score(CASES["inputs of a tensor"]))["json"] == {"predictions": [0, 7]}


DEPLOYMENT = """
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: digits
model: {{path: {model}, type: mlflow_model}}
instance_type: Standard_DS3_v2
instance_count: 1
"""


def test_a_deployment_without_code_is_served_from_its_file(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "deployment.yml"
    file.write_text(DEPLOYMENT.format(model=models / "digits"))
    client = Client()
    client.port = free_port()
    command = [sys.executable, "-m", "plimsoll", "--deployment", file, "--port", str(client.port)]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        try:
            wait_for(client.is_ready, "readiness")
            asked = at_score(json_case("digits", {"input_data": [ROW]}))
            assert ask(client.port, asked)["json"] == [0]
        finally:
            process.terminate()


def test_it_is_profiled_like_any_other(models: Path, tmp_path: Path) -> None:
    rows = tmp_path / "requests.txt"
    rows.write_bytes(CASES["inputs of a tensor"].body + b"\n" + CASES["instances of a tensor"].body + b"\n")
    command = [sys.executable, "-m", "plimsoll", "--entry-script", "builtin:mlflow", "--model-dir", models / "digits"]
    options = ["--contract", "mlflow", "--profile", rows, "--budget", "15", "--output", tmp_path / "out"]
    result = subprocess.run(
        [*map(str, (*command, *options))], capture_output=True, text=True, check=False, timeout=280, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "profile.json").exists()


def at_score(case: Case) -> Case:
    return Case(case.model, case.body, JSON, path="/score")


def test_texts_that_would_take_many_times_their_room(models: Path) -> None:
    """4 TB of 4 MB."""
    texts = ["x" * 1_000_000] + [""] * 1_000_000
    with server_of(models / "plain", "--contract", "mlflow") as server:
        for value in (texts, {"a": texts}):
            reply = server.post("/invocations", json.dumps({"inputs": value}).encode())
            assert (reply.status, reply.json()["error_code"]) == (400, "BAD_REQUEST"), reply
        rows = [{"a": text} for text in texts]
        assert server.post("/invocations", json.dumps({"instances": rows}).encode()).status == 400
