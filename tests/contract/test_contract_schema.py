"""Scripts under inference-schema's decorators, with the real package."""

from __future__ import annotations

import pytest
from contract_scripts import JSON, SCRIPT_FAILED, RunScript, other, post

NUMPY = """
import numpy as np
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

def init(): pass

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("scale", StandardPythonParameterType(1.0))
@output_schema(StandardPythonParameterType([1.0]))
def run(data, scale=2.0):
    assert isinstance(data, np.ndarray) and data.dtype == float
    return (data.sum(axis=1) * scale).tolist()
"""
PANDAS = """
import pandas as pd
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType

def init(): pass

@input_schema("data", PandasParameterType(pd.DataFrame({"a": [1], "b": ["x"]})))
def run(data): return [data.shape[0], list(data.columns), str(data.dtypes.iloc[0])]
"""


def test_parameters_by_name_with_defaults_and_extra_keys_ignored(with_packages: RunScript) -> None:
    rows = [[1, 2], [3, 4]]
    values = [
        {"data": rows},
        {"data": rows, "scale": 10},
        {"scale": 0.5, "data": rows, "method": "predict", "request_headers": 1},
    ]
    run = with_packages(NUMPY, *[post(value) for value in values])
    assert run.values() == [[6.0, 14.0], [30.0, 70.0], [1.5, 3.5]]
    assert {answer.run_function_failed for answer in run.answers} == {False}


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.cats+json"]
)
def test_content_types_that_are_json(with_packages: RunScript, content_type: str) -> None:
    run = with_packages(NUMPY, post(b'{"data": [[1, 2]]}', ("content-type", content_type)))
    assert run.values() == [[6.0]]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""])
def test_other_content_types_are_refused(with_packages: RunScript, content_type: str) -> None:
    (answer,) = with_packages(NUMPY, post(b'{"data": [[1, 2]]}', ("content-type", content_type))).answers
    assert (answer.status, answer.run_function_failed) == (415, False)
    assert answer.message == "Expects Content-Type to be application/json"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "POST body is empty. Expecting a JSON dictionary."),
        (b"{", "POST body could not be decoded as JSON: Expecting property name enclosed in double quotes"),
        (b'{"data": "\xff"}', "POST body could not be decoded as JSON: 'utf-8' codec can't decode byte 0xff"),
        (b"[" * 100_000, "POST body could not be decoded as JSON: "),  # Python 3.14 has other words for it
        (b"[1]", "POST body should be a JSON dictionary."),
        (b"null", "POST body should be a JSON dictionary."),
        (b'{"scale": 1}', "A value is not provided for the 'data' parameter."),
        (b"{}", "A value is not provided for the 'data' parameter."),
    ],
)
def test_bodies_that_never_reach_run(with_packages: RunScript, body: bytes, message: str) -> None:
    (answer,) = with_packages(NUMPY, post(body, JSON)).answers
    assert (answer.status, answer.run_function_failed) == (400, False)
    assert answer.message.startswith(message)


def test_a_get_takes_its_parameters_from_the_query(with_packages: RunScript) -> None:
    good, repeated, missing = with_packages(
        NUMPY,
        other("GET", "/score?data=[[1,2]]&scale=3&x=y"),
        other("GET", "/score?data=[1,2]&data=[3,4]&scale=1"),
        other("GET"),
    ).answers
    assert good.value == [9.0]
    assert repeated.value == [3.0, 7.0]
    assert (missing.status, missing.message) == (400, "A value is not provided for the 'data' parameter.")


def test_options_and_head_do_not_reach_run(with_packages: RunScript) -> None:
    options, head = with_packages(NUMPY, other("OPTIONS"), other("HEAD")).answers
    assert (options.status, options.body, options.is_error) == (200, b"", False)
    assert (head.status, head.message) == (405, "Method not allowed")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"data": [1, 2]}, "an array with 2 dimensions is expected; input has 1"),
        ({"data": [[1, 2, 3]]}, "array has size 3 on dimension #1, while expected value is 2"),
        ({"data": 7}, "Invalid input format: expected an array of items."),
        ({"data": [["x", "y"]]}, "could not convert string to float"),
        ({"data": []}, "an array with 2 dimensions is expected"),
        ({"data": [[1, 2]], "scale": "big"}, "Invalid input data type to parse. Expected: <class 'float'>"),
        ({"data": [[1, 2]], "scale": None}, "Invalid input data type to parse."),
    ],
)
def test_values_that_the_package_refuses_are_failures_of_run(
    with_packages: RunScript, value: object, reason: str
) -> None:
    run = with_packages(NUMPY, post(value))
    (answer,) = run.answers
    assert (answer.status, answer.message, answer.run_function_failed) == (500, SCRIPT_FAILED, True)
    assert reason in run.log


def test_pandas(with_packages: RunScript) -> None:
    run = with_packages(PANDAS, post({"data": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}), post({"data": [{"a": 1}]}))
    assert run.answers[0].value == [2, ["a", "b"], "int64"]
    assert (run.answers[1].status, run.answers[1].run_function_failed) == (500, True)


def test_headers_and_an_async_run(with_packages: RunScript) -> None:
    source = NUMPY.replace("def run(data, scale=2.0)", "async def run(data, request_headers, scale=2.0)").replace(
        "return (data", "return request_headers.get('X-Who', 'nobody'), (data"
    )
    run = with_packages(source, post({"data": [[1, 2]]}, ("x-who", "me")), post({"data": [[1, 2]]}))
    assert run.values() == [["me", [6.0]], ["nobody", [6.0]]]


def test_a_result_is_not_converted_only_described(with_packages: RunScript) -> None:
    source = NUMPY.replace(".tolist()", "")
    assert with_packages(source, post({"data": [[1, 2]]})).values() == [[6.0]]


@pytest.mark.parametrize("home", ["azureml.contrib.services.aml_request", "plimsoll.entry"])
def test_raw_and_schema_exclude_each_other(with_packages: RunScript, home: str) -> None:
    run = with_packages(f"from {home} import rawhttp\n" + NUMPY.replace("def run", "@rawhttp\ndef run"))
    assert str(run.error).endswith("score.py: run() cannot be decorated with both @rawhttp and @input_schema")


def test_a_driver_module_keeps_the_inner_decorators(with_packages: RunScript) -> None:
    source = f"""
import sys, types
driver_module = types.ModuleType("inner")
sys.modules["inner"] = driver_module
exec({NUMPY!r}, driver_module.__dict__)
def init(): driver_module.init()
def run(data): return "outer"
"""
    assert with_packages(source, post({"data": [[1, 2]]})).values() == [[6.0]]


BATCHED = NUMPY.replace("def run(data, scale=2.0):", "@batch(max_size=8)\ndef run(data, scale=2.0):").replace(
    "    assert isinstance(data, np.ndarray) and data.dtype == float\n    return (data.sum(axis=1) * scale).tolist()",
    "    assert all(isinstance(one, np.ndarray) for one in data)\n"
    "    return [[len(data), float(one.sum() * factor)] for one, factor in zip(data, scale)]",
)


def test_a_batch_gets_a_list_of_converted_values_per_parameter(with_packages: RunScript) -> None:
    source = "from plimsoll.entry import batch\n" + BATCHED
    bodies = [{"data": [[1, 2]]}, {"data": [1]}, {"data": [[3, 4], [5, 6]], "scale": 10}, {"scale": 1}]
    run = with_packages(source, *[post(body) for body in bodies])
    assert run.max_batch == 8
    first, wrong_shape, second, missing = run.answers
    assert (first.value, second.value) == ([2, 6.0], [2, 180.0])
    assert (wrong_shape.status, wrong_shape.run_function_failed) == (500, True)
    assert (missing.status, missing.message) == (400, "A value is not provided for the 'data' parameter.")
    assert "an array with 2 dimensions is expected" in run.log
    assert set(run.swaggers["2"]["definitions"]["ServiceInput"]["properties"]) == {"data", "scale"}


def test_batch_above_the_schema_stops_the_start(with_packages: RunScript) -> None:
    source = "from plimsoll.entry import batch\n" + NUMPY.replace(
        "@input_schema", "@batch(max_size=2)\n@input_schema", 1
    )
    assert "@batch must stand directly above def run, below @input_schema" in str(with_packages(source).error)
