"""Raw scripts with the real Flask and azureml-contrib-services, and what is said where a package is missing."""

from __future__ import annotations

import pytest
from contract_scripts import RunScript, other, post

FORMS = [
    "from azureml.contrib.services.aml_request import rawhttp\n"
    "from azureml.contrib.services.aml_response import AMLResponse\n",
    "from azureml_inference_server_http.api.aml_request import rawhttp\n"
    "from azureml_inference_server_http.api.aml_response import AMLResponse\n",
    "from azureml.contrib.services import rawhttp\nfrom azureml.contrib.services.aml_response import AMLResponse\n",
]
RAW = """
import json
def init(): pass
@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse(b"GET is not supported", 405)
    if request.args.get("json"):
        return AMLResponse({"got": request.get_json()}, 200, json_str=True)
    return AMLResponse(request.get_data(False)[::-1], 200, {"Content-Type": "image/jpeg", "X-Two": "a, b"})
"""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("site", ["with_packages", "without_packages"])
def test_a_raw_script_answers_the_same_with_and_without_the_packages(
    request: pytest.FixtureRequest, site: str, form: str
) -> None:
    run: RunScript = request.getfixturevalue(site)
    picture, get = run(form + RAW, post(b"\xff\xd8jpeg"), other("GET")).answers
    assert (picture.status, picture.body, picture.run_function_failed) == (200, b"gepj\xd8\xff", False)
    assert sorted(picture.headers) == [("Content-Type", "image/jpeg"), ("X-Two", "a"), ("X-Two", "b")]
    assert (get.status, get.body, get.run_function_failed) == (405, b"GET is not supported", False)
    assert get.headers == [("Content-Type", "text/html; charset=utf-8")]


FLASK = """
import flask
def init(): pass
def run(data):
    if data == "stream": return flask.Response(iter(["a", "b"]), mimetype="text/plain")
    if data == "abort": flask.abort(418)
    return flask.Response("tea", 503, {"X-Pot": "round"})
"""


def test_responses_of_flask_itself(with_packages: RunScript) -> None:
    tea, stream, abort = with_packages(FLASK, post(b"x"), post(b"stream"), post(b"abort")).answers
    assert (tea.status, tea.body, tea.run_function_failed) == (503, b"tea", True)
    assert ("X-Pot", "round") in tea.headers
    assert (stream.status, stream.body) == (200, b"ab")
    assert (abort.status, abort.run_function_failed) == (500, True)


@pytest.mark.parametrize(
    "line",
    [
        "from inference_schema.schema_decorators import input_schema",
        "import inference_schema",
        "from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType",
    ],
)
def test_without_inference_schema_the_start_says_what_to_install(without_packages: RunScript, line: str) -> None:
    run = without_packages(f"import json\n{line}\ndef init(): pass\ndef run(data): return data")
    assert str(run.error).endswith(
        "score.py, line 2: ModuleNotFoundError: No module named 'inference_schema': this script uses its decorators;"
        " install it with: pip install inference-schema"
    )


def test_a_script_may_still_do_without_it(without_packages: RunScript) -> None:
    source = """
        try:
            from inference_schema.schema_decorators import input_schema
        except ImportError:
            input_schema = None
        def init(): pass
        def run(data): return input_schema is None
    """
    assert without_packages(source, post(b"")).values() == [True]
