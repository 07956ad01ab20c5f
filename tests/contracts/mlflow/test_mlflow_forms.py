"""The forms of a request, read without a server, compared with the record of `mlflow models serve`."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pytest
from mlflow_asked import recorded
from mlflow_cases import CASES, GOOD, JSON

from plimsoll.contracts.mlflow.encoding import predictions_of
from plimsoll.contracts.mlflow.forms import Form, Unfit, form_of
from plimsoll.contracts.mlflow.platform import defaults
from plimsoll.contracts.mlflow.values import value_of
from plimsoll.entry.builtin.mlflow_input import as_mlflows
from plimsoll.errors import UsageError

RECORD = recorded()["cases"]
# What is refused whatever the model is.
REFUSED = [
    "an unknown content type",
    "a form",
    "another charset",
    "an unknown parameter of the type",
    "the type in capitals",
    "no body",
    "broken json",
    "not utf-8",
    "a list",
    "a number",
    "null",
    "no known key",
    "an empty object",
    "several keys",
    "rows of two lengths",
    "instances of two lengths",
    "split is a list",
    "split without data",
    "split with an unknown key",
    "records are an object",
    "csv that is not utf-8",
]


def read(name: str) -> Any:
    case = CASES[name]
    return value_of(form_of(case.kind or "", case.body))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_has_mlflows_status(name: str) -> None:
    with pytest.raises(Unfit) as refused:
        read(name)
    assert refused.value.status == RECORD[name]["status"]


@pytest.mark.parametrize(
    ("name", "status"), [("no content type", 415), ("deeply nested", 400), ("a number of too many digits", 400)]
)
def test_what_mlflow_fails_at_is_refused(name: str, status: int) -> None:
    assert RECORD[name]["status"] == 500
    with pytest.raises(Unfit) as refused:
        read(name)
    assert refused.value.status == status


@pytest.mark.parametrize("name", ["no signature, inputs", "a repeated key"])
def test_an_array(name: str) -> None:
    array = read(name)
    assert RECORD[name]["json"] == {"predictions": [str(array.dtype), list(array.shape)]}


@pytest.mark.parametrize("name", ["no signature, named inputs", "no signature, instances"])
def test_arrays_by_name(name: str) -> None:
    arrays = {key: [str(array.dtype), list(array.shape)] for key, array in read(name).items()}
    assert RECORD[name]["json"] == {"predictions": arrays}


WITH_PARAMS = [name for name, case in GOOD.items() if case.model == "params" and case.kind == JSON]


@pytest.mark.parametrize("name", WITH_PARAMS)
def test_params_are_beside_the_data(name: str) -> None:
    case = CASES[name]
    assert form_of(case.kind or "", case.body).params == json.loads(case.body).get("params")


def test_instances_that_are_partly_objects() -> None:
    with pytest.raises(Unfit):
        value_of(Form("instances", [{"a": 1}, 2]))


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ([[1]], "inputs"),
        ({"a": [1]}, "inputs"),
        ({"columns": ["a"], "data": [[1]]}, "dataframe_split"),
        ({"columns": ["a"], "index": [0], "data": [[1]]}, "dataframe_split"),
        ({"columns": ["a"], "data": [[1]], "more": [1]}, "inputs"),
        ({"data": [[1]]}, "inputs"),
    ],
)
def test_azure_mls_form_is_one_of_mlflows(value: Any, form: str) -> None:
    assert as_mlflows({"input_data": value, "params": {}}) == ({form: value, "params": {}}, "input_data")
    assert as_mlflows({"input_data": value, "inputs": 1}) == ({"input_data": value, "inputs": 1}, "")


RESULTS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "scalar": np.int64(7),
    "list": [np.float64(1.25), np.bool_(True), {"a": np.arange(2)}],
    "dates": [date(2024, 1, 2), datetime(2024, 1, 2, 3, 4, 5), time(1, 2)],
    "moments": np.array(["2024-01-02T03:04:05"], dtype="datetime64[s]"),
    "nanoseconds": np.array(["2024-01-02T03:04:05"], dtype="datetime64[ns]"),
    "bytes": {"b": b"some bytes", "many": np.array([b"x", b"y"])},
    "objects": {"o": np.array([1, "a", None, date(2024, 1, 2)], dtype=object)},
    "none": None,
    "text": "a text",
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_written_as_mlflow_does(name: str) -> None:
    assert json.loads(predictions_of(RESULTS[name])) == RECORD[f"result: {name}"]["json"]


def test_predictions_by_their_name_go_as_they_are() -> None:
    assert json.loads(predictions_of({"predictions": np.arange(2), "more": 2})) == {"predictions": [0, 1], "more": 2}


def test_a_result_without_a_form() -> None:
    with pytest.raises(TypeError, match="object is not JSON serializable"):
        predictions_of(object())


def test_the_variables_of_mlflow_models_serve() -> None:
    assert defaults({}) == {"port": (5000, "contract mlflow")}
    said = {"MLFLOW_PORT": "5005", "MLFLOW_HOST": "0.0.0.0", "MLFLOW_MODELS_WORKERS": "2"}
    timeout = {"MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "30"}
    assert {name: one.value for name, one in defaults(said | timeout).items()} == {
        "port": 5005,
        "host": "0.0.0.0",
        "workers": 2,
        "scoring_timeout_ms": 30_000,
    }


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many"])
def test_a_variable_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="MLFLOW_PORT"):
        defaults({"MLFLOW_PORT": text})
