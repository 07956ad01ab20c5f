"""Flask's contexts around run(), for scripts that import Flask: jsonify, make_response, request, g, current_app.

Azure ML's server is a Flask application, so that scripts written for it use these without one of their own. Here an
application that nobody serves stands in. A call has a copy of its thread's context variables to itself: whatever a
script pushes and forgets ends with the call, and no other call or thread ever sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import Context, copy_context
from importlib import import_module
from pathlib import Path
from typing import Any

from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.failures import log_failure
from plimsoll.entry.http.environ import environ_of
from plimsoll.entry.http.request import Request
from plimsoll.entry.inputs.signature import UserFunction
from plimsoll.entry.outputs.results import answer_of, settled
from plimsoll.entry.outputs.streams import Stream

# Endpoints as in Azure ML's server, for url_for() and request.endpoint.
_ROUTES = {
    "/score": "main.handle_score",
    "/swagger.json": "main.get_swagger_specification",
    "/": "main.health_probe",
}
_METHODS = ["GET", "POST", "OPTIONS"]
_HEAD = Head()
_NOT_FAILED = ("x-ms-run-function-failed", "False")


class FlaskCalls:
    """`sees_head` False: the front sends no headers, so that an application context is all that can be given."""

    def __init__(self, script: str, failed: Callable[[BaseException, Call], Answer], *, sees_head: bool) -> None:
        flask: Any = import_module("flask")
        self._failed = failed
        self._sees_head = sees_head
        self._response = flask.Response
        self._request = flask.request
        self._context = flask.globals.request_ctx
        self._app = flask.Flask("entry_module", root_path=str(Path(script).parent), static_folder=None)
        self._app.request_class = type("Request", (flask.Request, Request), {})
        for path, endpoint in _ROUTES.items():
            self._app.add_url_rule(path, endpoint, methods=_METHODS, provide_automatic_options=False)

    def current_request(self, call: Call) -> Any:
        """What a raw run() gets: the object behind flask.request, good in every thread."""
        return self._request._get_current_object()

    def around(self, run: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
        """`run` with both contexts, up to the end of a streamed body."""

        def run_in_contexts(call: Call) -> Answer:
            variables = copy_context()
            pushed, answer = variables.run(self._answered, run, call)
            if not isinstance(answer.body, bytes):
                answer.body = _Chunks(answer.body, variables, pushed)
            return answer

        return run_in_contexts

    def around_batch(self, run: Callable[[Sequence[Call]], list[Answer]]) -> Callable[[Sequence[Call]], list[Answer]]:
        """`run` with an application context: a batch has no one request."""

        def run_in_context(calls: Sequence[Call]) -> list[Answer]:
            with self._app.app_context():
                return run(calls)

        return lambda calls: copy_context().run(run_in_context, calls)

    def processed(self, run: UserFunction) -> UserFunction:
        """What run() gave, after what it has asked for by flask.after_this_request()."""

        def run_and_process(**arguments: Any) -> Any:
            result = settled(run(**arguments))
            # Kept there by every Flask so far; without sessions they are all that Flask does with a response.
            if not getattr(self._context, "_after_request_functions", ()) or isinstance(result, Stream):
                return result
            return self._app.process_response(self._as_response(result))

        return run_and_process if self._sees_head else run

    def _answered(self, run: Callable[[Call], Answer], call: Call) -> tuple[Any, Answer]:
        try:
            pushed = self._app.request_context(environ_of(call)) if self._sees_head else self._app.app_context()
            pushed.push()
        except BaseException as failure:
            return None, self._failed(failure, call)
        answer = run(call)
        if isinstance(answer.body, bytes):
            _pop(pushed)
        return pushed, answer

    def _as_response(self, result: Any) -> Any:
        if isinstance(result, self._response):
            return result
        answer = answer_of(result, _HEAD, 0.0)
        if answer.is_error:  # what cannot be sent is found out again, and answered, by whoever gets it
            return result
        return self._response(answer.body, answer.status, [*answer.headers, _NOT_FAILED])


class _Chunks:
    """A streamed body that is produced, and closed, inside the contexts of its call."""

    def __init__(self, chunks: Iterator[bytes], variables: Context, pushed: Any) -> None:
        self._chunks = chunks
        self._variables = variables
        self._pushed = pushed

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return self._variables.run(next, self._chunks)

    def close(self) -> None:
        self._variables.run(self._chunks.close)  # type: ignore[attr-defined]
        self._variables.run(_pop, self._pushed)


def _pop(pushed: Any) -> None:
    """The answer is there: what the script left behind on Flask's stack can only be logged."""
    try:
        pushed.pop(None)
    except BaseException as failure:
        log_failure("Flask's context could not be left:", failure)
