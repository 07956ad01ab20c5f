"""{"instances": …, "parameters": …} for a run() that has parameters of these names; the body as at /score for others.

What run() returns becomes {"predictions": …}, unless it is that already, or a response of the script's own.
"""

from __future__ import annotations

import json
from typing import Any

from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.codec import LoadedScript
from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.http.headers import header, request_headers
from plimsoll.entry.inputs.arguments import Arguments, Reader
from plimsoll.entry.inputs.signature import REQUIRED
from plimsoll.entry.outputs.answers import JSON_TYPE, message_answer, said_in
from plimsoll.entry.outputs.results import answer_of, is_answer

_INSTANCES, _PARAMETERS, _PREDICTIONS = "instances", "parameters", "predictions"
_JSON, _ANY = "application/json", "*/*"


class InstancesReader:
    """`parameters` are None where the request has none and run() no default for them."""

    def __init__(self, script: LoadedScript) -> None:
        """Raises BrokenScript for a run() that wants more than a request of Vertex's brings."""
        defaults = script.signature.defaults
        others = sorted(name for name, default in defaults.items() if default is REQUIRED)
        if wanted := [name for name in others if name not in (_INSTANCES, _PARAMETERS)]:
            raise BrokenScript(
                f"{script.spec.entry_script}: run() takes instances, and nothing in a request of Vertex AI is"
                f" {', '.join(wanted)}",
                remedy="give it a default",
            )
        self._takes_parameters = _PARAMETERS in defaults
        self._without = {_PARAMETERS: None} if defaults.get(_PARAMETERS) is REQUIRED else {}
        self._takes_headers = script.signature.takes_headers

    def __call__(self, call: Call) -> Arguments | Answer:
        refusal = _refusal(call.head)
        if refusal:
            return message_answer(400, refusal)
        try:
            content = json.loads(bytes(call.data))
        except (ValueError, RecursionError) as failure:
            return message_answer(400, f"JSON deserialization failed for the request data: {failure}")
        if not isinstance(content, dict) or _INSTANCES not in content:
            return message_answer(400, 'The request has no "instances": send {"instances": [...]}.')
        return self._arguments(content, call.head)

    def _arguments(self, content: dict[str, Any], head: Head) -> Arguments:
        arguments: Arguments = {_INSTANCES: content[_INSTANCES], **self._without}
        if self._takes_parameters and _PARAMETERS in content:
            arguments[_PARAMETERS] = content[_PARAMETERS]
        if self._takes_headers:
            arguments["request_headers"] = request_headers(head.headers)
        return arguments


class VertexCodec:
    """Our own messages are in the form of Google's server. What a raw script answers stays as it is."""

    def __init__(self, script: LoadedScript) -> None:
        self._read = _reader(script)
        self._wraps = not script.raw

    def read(self, call: Call) -> Arguments | Answer:
        found = self._read(call)
        return _reworded(found) if isinstance(found, Answer) else found

    def answer(self, result: Any, head: Head, run_s: float) -> Answer:
        if self._wraps and not _is_whole(result):
            result = {_PREDICTIONS: result}
        return _reworded(answer_of(result, head, run_s))

    def failed(self, message: str, *, run_function_failed: bool) -> Answer:
        return _reworded(message_answer(500, message, run_function_failed=run_function_failed))

    def metadata(self) -> dict[str, Any]:
        return {}


def _reader(script: LoadedScript) -> Reader:
    by_name = _INSTANCES in script.signature.defaults and not (script.raw or script.schema)
    return InstancesReader(script) if by_name else script.read


def _is_whole(result: Any) -> bool:
    if isinstance(result, dict):
        return _PREDICTIONS in result
    return isinstance(result, (bytes, bytearray, memoryview)) or is_answer(result)


def _refusal(head: Head) -> str:
    """Why this request cannot be one of Vertex's; empty where it can."""
    content_type = header(head.headers, "content-type")
    if content_type.partition(";")[0] != _JSON:
        return f'Unsupported content type of the request: {content_type or None}. Supported is "{_JSON}".'
    accepts = [value for name, value in head.headers if name == "accept"]
    kinds = {kind.partition(";")[0].strip() for value in accepts for kind in value.split(",")}
    if accepts and not kinds & {_JSON, _ANY}:
        return f'Unsupported accept of the response: {", ".join(accepts)}. Supported is "{_JSON}".'
    return ""


def _reworded(answer: Answer) -> Answer:
    if answer.is_error:
        answer.headers = [JSON_TYPE]
        answer.body = json.dumps({"detail": said_in(answer)}).encode()
    return answer


def make_codec(script: LoadedScript) -> VertexCodec:
    return VertexCodec(script)
