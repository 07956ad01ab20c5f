"""From a call to the keyword arguments of run(): one reader per kind of script.

A reader gives the arguments, or the answer where the call never reaches run().
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plimsoll.entry.call import Answer, Call
from plimsoll.entry.failures import log_line
from plimsoll.entry.http.headers import header, is_form_type, request_headers
from plimsoll.entry.inputs.query import query_as_json
from plimsoll.entry.inputs.signature import Signature
from plimsoll.entry.outputs.answers import empty_answer, message_answer

Arguments = dict[str, Any]
Reader = Callable[[Call], Arguments | Answer]

_FORM_WARNING = (
    "A POST with a form content type reaches run() as an empty string; send the data with"
    " 'Content-Type: application/json' (curl: -H). This is said once."
)


class PlainReader:
    """Undecorated run(): POST gives the body as text, GET the query as JSON text."""

    __slots__ = ("_data", "_takes_headers", "_warned")

    def __init__(self, signature: Signature) -> None:
        self._data = signature.data
        self._takes_headers = signature.takes_headers
        self._warned = False

    def __call__(self, call: Call) -> Arguments | Answer:
        if call.head.method != "POST":
            return self._without_body(call)
        if call.head.headers and is_form_type(header(call.head.headers, "content-type")):
            self._warn()
            return self._arguments("", call)
        try:
            return self._arguments(str(call.data, "utf-8"), call)
        except UnicodeDecodeError as failure:
            return message_answer(400, f"Input cannot be decoded as UTF-8: {failure}")

    def _without_body(self, call: Call) -> Arguments | Answer:
        if call.head.method == "GET":
            return self._arguments(query_as_json(call.head.target), call)
        return answer_without_run(call.head.method)

    def _arguments(self, data: str, call: Call) -> Arguments:
        if self._takes_headers:
            return {self._data: data, "request_headers": request_headers(call.head.headers)}
        return {self._data: data}

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            log_line(_FORM_WARNING)


def answer_without_run(method: str) -> Answer:
    """OPTIONS and HEAD, which only raw scripts see."""
    return empty_answer() if method == "OPTIONS" else message_answer(405, "Method not allowed")


def raw_reader(signature: Signature, request_of: Callable[[Call], Any] | None = None) -> Reader:
    """@rawhttp: run() gets the request itself, whatever its method."""
    if request_of is None:
        from plimsoll.entry.http.request import Request  # Werkzeug: only for scripts that ask for it

        request_of = Request.of

    def read(call: Call) -> Arguments:
        arguments: Arguments = {signature.data: request_of(call)}
        if signature.takes_headers:
            arguments["request_headers"] = request_headers(call.head.headers)
        return arguments

    return read
