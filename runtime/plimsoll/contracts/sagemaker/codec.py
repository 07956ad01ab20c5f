"""How a model worker serves SageMaker's contract: a score.py as at /score, inference.py as SageMaker's toolkit does."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from plimsoll.contracts.sagemaker.errors import error_content
from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.codec import LoadedScript
from plimsoll.entry.inputs.arguments import Arguments
from plimsoll.entry.inputs.signature import UserFunction
from plimsoll.entry.outputs.answers import JSON_TYPE, said_in
from plimsoll.entry.outputs.results import answer_of
from plimsoll.entry.spec import EntrySpec
from plimsoll.entry.toolkit import is_toolkit_script


class SageMakerCodec:
    """Our own messages are in the form of SageMaker's server; what the script answers stays as it is."""

    def __init__(self, script: LoadedScript) -> None:
        self._script = script

    def read(self, call: Call) -> Arguments | Answer:
        found = self._script.read(call)
        return _reworded(found) if isinstance(found, Answer) else found

    def answer(self, result: Any, head: Head, run_s: float) -> Answer:
        return _reworded(answer_of(result, head, run_s))

    def failed(self, message: str, *, run_function_failed: bool) -> Answer:
        return Answer(500, [JSON_TYPE], _body(500, message), run_function_failed, is_error=True)

    def metadata(self) -> dict[str, Any]:
        return {}


def _reworded(answer: Answer) -> Answer:
    if answer.is_error:
        answer.body = _body(answer.status, said_in(answer))
    return answer


def _body(status: int, message: str) -> bytes:
    return json.dumps(error_content(status, message)).encode()


def make_codec(script: LoadedScript) -> SageMakerCodec:
    return SageMakerCodec(script)


def functions_of(module: ModuleType, spec: EntrySpec) -> tuple[UserFunction, UserFunction] | None:
    """Of inference.py, which takes raw requests from then on. Raises BrokenScript."""
    if not is_toolkit_script(module, spec.entry_script):
        return None
    from plimsoll.entry.toolkit.script import adapted  # Werkzeug: only for scripts that ask for it

    script = adapted(module, spec.entry_script, spec.model_dir)
    return script.init, script.run
