"""run() under the decorators of inference-schema: its parameters are taken by name from a JSON object.

The package is the user's. It converts the values inside the call, so that a value it refuses is a failure of
run(); all that is done here is to find out that run() is decorated, and to hand over the parameters.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from plimsoll.entry.call import Answer, Call
from plimsoll.entry.http.headers import header, request_headers
from plimsoll.entry.inputs.arguments import Arguments, answer_without_run
from plimsoll.entry.inputs.query import query_values
from plimsoll.entry.inputs.signature import REQUIRED, Signature, UserFunction
from plimsoll.entry.outputs.answers import message_answer


def is_decorated(run: UserFunction) -> bool:
    registry = sys.modules.get("inference_schema.schema_util")
    return registry is not None and bool(registry.is_schema_decorated(run))


class SchemaReader:
    """Parameters that the request leaves out take their defaults; keys beyond the parameters are ignored."""

    __slots__ = ("_signature",)

    def __init__(self, signature: Signature) -> None:
        self._signature = signature

    def __call__(self, call: Call) -> Arguments | Answer:
        values = json_values(call)
        return values if isinstance(values, Answer) else self._arguments(values, call)

    def _arguments(self, values: Mapping[str, Any], call: Call) -> Arguments | Answer:
        arguments: Arguments = {}
        for name, default in self._signature.defaults.items():
            # Defaults are passed too: the decorators convert them like values of the request.
            value = arguments[name] = values.get(name, default)
            if value is REQUIRED:
                return message_answer(400, f"A value is not provided for the {name!r} parameter.")
        if self._signature.takes_headers:
            arguments["request_headers"] = request_headers(call.head.headers)
        return arguments


def json_values(call: Call) -> dict[str, Any] | Answer:
    if call.head.method == "POST":
        return _posted(call)
    if call.head.method == "GET":
        return query_values(call.head.target)
    return answer_without_run(call.head.method)


def _posted(call: Call) -> dict[str, Any] | Answer:
    if not _is_json_type(header(call.head.headers, "content-type")):
        return message_answer(415, "Expects Content-Type to be application/json")
    if not call.data:
        return message_answer(400, "POST body is empty. Expecting a JSON dictionary.")
    try:
        values = json.loads(bytes(call.data))
    except (ValueError, RecursionError) as failure:
        return message_answer(400, f"POST body could not be decoded as JSON: {failure}")
    if not isinstance(values, dict):
        return message_answer(400, "POST body should be a JSON dictionary.")
    return values


def _is_json_type(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
