"""What a worker does with a call of MLflow's contract.

run(model_input) gets what an MLflow model would: a DataFrame, an array or arrays by name, and `params` if it has such a
parameter. Every other script gets what it gets under Azure ML's contract. The answer is ``{"predictions": ...}``.
"""

from __future__ import annotations

from typing import Any

from plimsoll.contracts.mlflow.encoding import predictions_of
from plimsoll.contracts.mlflow.errors import error_body
from plimsoll.contracts.mlflow.forms import JSON, Unfit, form_of
from plimsoll.entry.call import Answer, Call, Head, Headers
from plimsoll.entry.codec import LoadedScript
from plimsoll.entry.failures import BrokenScript, log_line, one_line
from plimsoll.entry.http.headers import header, request_headers
from plimsoll.entry.inputs.arguments import Arguments
from plimsoll.entry.outputs.answers import RESULT_UNUSABLE, said_in
from plimsoll.entry.outputs.results import answer_of, is_answer

_INPUT = "model_input"
_PARAMS = "params"
_BYTES = (bytes, bytearray, memoryview)
_FAILED = "Encountered an unexpected error while evaluating the model. Check the logs for more info."
_JSON_HEADERS: Headers = [("content-type", JSON)]
_TEXT_HEADERS: Headers = [("content-type", "text/plain; charset=utf-8")]


class MLflowCodec:
    def __init__(self, script: LoadedScript) -> None:
        self._script = script
        self._takes_params = _PARAMS in script.signature.defaults
        parses = script.signature.data == _INPUT and not script.raw and not script.schema
        self.read = self._read_form if parses else self._read
        if parses:
            _check_numpy(script)

    def answer(self, result: Any, head: Head, run_s: float) -> Answer:
        if self._script.raw or is_answer(result) or isinstance(result, _BYTES):
            found = answer_of(result, head, run_s)
            said = found.is_error and said_in(found)
            return self.failed(said, run_function_failed=bool(found.run_function_failed)) if said else found
        try:
            body = predictions_of(result)
        except BaseException as failure:
            log_line(f"The result of run() cannot be sent: {one_line(failure)}")
            return self.failed(RESULT_UNUSABLE, run_function_failed=False)
        return Answer(200, _JSON_HEADERS, body, False, run_s)

    def failed(self, message: str, *, run_function_failed: bool) -> Answer:
        """To mlflow what a model does not take is bad input. A raw script is more than a model."""
        of_model = run_function_failed and not self._script.raw
        status = 400 if of_model else 500
        body = error_body(status, _FAILED if of_model else message)
        return Answer(status, _JSON_HEADERS, body, run_function_failed, is_error=True)

    def metadata(self) -> dict[str, Any]:
        return {}

    def _read(self, call: Call) -> Arguments | Answer:
        """As at /score; a refusal of ours is said in MLflow's words."""
        found = self._script.read(call)
        return _reworded(found) if isinstance(found, Answer) and found.is_error else found

    def _read_form(self, call: Call) -> Arguments | Answer:
        from plimsoll.contracts.mlflow.values import value_of  # NumPy

        try:
            form = form_of(header(call.head.headers, "content-type"), call.data)
            arguments: Arguments = {_INPUT: value_of(form)}
        except Unfit as refusal:
            return _refused(str(refusal), refusal.status)
        if self._takes_params:
            arguments[_PARAMS] = form.params
        if self._script.signature.takes_headers:
            arguments["request_headers"] = request_headers(call.head.headers)
        return arguments


def make_codec(script: LoadedScript) -> MLflowCodec:
    return MLflowCodec(script)


def _reworded(answer: Answer) -> Answer:
    answer.headers, answer.body = _JSON_HEADERS, error_body(answer.status, said_in(answer))
    return answer


def _refused(message: str, status: int) -> Answer:
    if status == 415:
        return Answer(status, _TEXT_HEADERS, message.encode())
    return Answer(status, _JSON_HEADERS, error_body(status, message), is_error=True)


def _check_numpy(script: LoadedScript) -> None:
    try:
        import numpy  # noqa: F401
    except ModuleNotFoundError:
        path = script.spec.entry_script
        raise BrokenScript(f"{path}: run({_INPUT}) needs NumPy", remedy="pip install numpy pandas") from None
