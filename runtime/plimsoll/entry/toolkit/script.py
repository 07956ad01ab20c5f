"""init() and run() of a script that has neither, but the functions of SageMaker's inference toolkit.

run() takes the raw request and gives the whole response, so such a script answers the same under every contract.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from werkzeug.wrappers import Request, Response

from plimsoll.entry.failures import BrokenScript, log_failure
from plimsoll.entry.http.raw import rawhttp
from plimsoll.entry.toolkit import content_types
from plimsoll.entry.toolkit.context import Context
from plimsoll.entry.toolkit.functions import Functions

_MODEL_DIR = "/opt/ml/model"
_ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
_TEXT = "text/plain; charset=utf-8"


class ToolkitScript:
    """`init` and `run` are what the worker calls."""

    def __init__(self, module: ModuleType, path: str, model_dir: str | None, environment: Mapping[str, str]) -> None:
        """Raises BrokenScript."""
        try:
            self._functions = Functions(module)
        except (ValueError, TypeError) as failure:
            raise BrokenScript(f"{path}: {failure}") from None
        self._path = path
        self._model_dir = model_dir or _MODEL_DIR
        self._default_accept = environment.get(_ACCEPT) or content_types.JSON
        self._model: Any = None

    def init(self) -> None:
        context = Context(self._model_dir, {})
        self._functions.before_model(self._model_dir, context)
        self._model = self._functions.model(self._model_dir, context)
        self._functions.after_model(self._model_dir, self._model, context)

    def run(self, request: Request) -> Response:
        context = Context(self._model_dir, request.headers)  # type: ignore[arg-type]  # a mapping, but for the name
        try:
            result, kind = self._transformed(request, context)
            return _response(_body(result), kind, context)
        except Exception as failure:
            log_failure(f"{self._path} failed:", failure)
            return _refusal(failure, context)

    def _transformed(self, request: Request, context: Context) -> tuple[Any, str]:
        content_type = request.headers.get("Content-Type") or None
        accept = request.headers.get("Accept")
        if not accept or accept == content_types.ANY:
            accept = self._default_accept
        body = bytearray(request.get_data())  # the toolkit gives no bytes either
        data = body.decode() if content_type in content_types.UTF8_TYPES else body
        result = self._functions.transform(self._model, data, content_type, accept, context)
        return (result[0], result[1]) if isinstance(result, tuple) else (result, accept)


def adapted(module: ModuleType, path: str, model_dir: str | None) -> ToolkitScript:
    """Marks the script as one that takes raw requests. Raises BrokenScript."""
    script = ToolkitScript(module, path, model_dir, os.environ)
    rawhttp(script.run)
    return script


def _body(result: Any) -> bytes:
    if isinstance(result, (bytes, bytearray)):
        return bytes(result)
    return (result if isinstance(result, str) else json.dumps(result, indent=2)).encode()


def _response(body: bytes, content_type: str, context: Context) -> Response:
    headers = {name: value for name, value in context.get_response_headers(0).items() if name.lower() != "content-type"}
    return Response(body, context.get_response_status(0)[0], headers, content_type=content_type)


def _refusal(failure: Exception, context: Context) -> Response:
    """What the failure says, as in the toolkit, but not where in the script it happened."""
    base = getattr(sys.modules.get("sagemaker_inference.errors"), "BaseInferenceToolkitError", ())
    status, message = (failure.status_code, failure.message) if isinstance(failure, base) else (500, str(failure))
    context.set_response_status(status)
    return _response(str(message).encode(), _TEXT, context)
