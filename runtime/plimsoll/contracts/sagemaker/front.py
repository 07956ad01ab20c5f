"""Routes, probe and refusals, after the page "Custom inference code with hosting services" of SageMaker's guide.

Errors have the form that AWS's multi-model server gives them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plimsoll.contracts.front import Reply, State, allow
from plimsoll.contracts.sagemaker.errors import error_content
from plimsoll.errors import RequestError
from plimsoll.settings.serving import ServeSettings

_INVOCATIONS, _PING = "/invocations", "/ping"


class SageMakerFront:
    """Nothing of it depends on settings."""

    name = "sagemaker"
    loading = ""
    main = _INVOCATIONS
    methods = frozenset({"POST"})
    prefix = ""
    paths = frozenset({_INVOCATIONS, _PING})

    def label(self, path: str) -> str | None:
        return _INVOCATIONS if path == _INVOCATIONS else None

    def refused(self, error: RequestError, request_id: bytes | None) -> Reply:
        headers = [(b"content-type", b"application/json")]
        if error.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after_s))
        if error.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        elif error.status == 405 and request_id is not None:
            headers.append(allow(self.methods))
        return Reply(error.status, headers, json.dumps(error_content(error.status, error.message)).encode())

    def routes(self, state: State) -> list[Route]:
        async def ping(request: Request) -> Response:
            reason = await state.unready_reason()
            return Response() if reason is None else JSONResponse(error_content(503, reason), 503)

        return [Route(_PING, ping, methods=["GET"])]


def make_front(environment: Mapping[str, str], settings: ServeSettings) -> SageMakerFront:
    return SageMakerFront()
