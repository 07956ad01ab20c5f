"""Routes, probe and refusals, after Google's page "Custom container requirements for prediction".

Errors have the form of Google's own server of custom prediction routines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plimsoll.contracts.front import Reply, State, allow
from plimsoll.errors import RequestError, UsageError
from plimsoll.settings.serving import ServeSettings

_HEALTH, _PREDICT = "AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE"
_DEFAULTS = {_HEALTH: "/health", _PREDICT: "/predict"}
"""Those of the SDK's local endpoints; Vertex itself always sets both."""
_PROBES = frozenset({"/health/live", "/health/ready"})
_SERVERS = _PROBES | {"/metrics"}
"""Paths of the server's own, under every contract."""


class VertexFront:
    """The platform chooses both routes."""

    name = "vertex"
    loading = ""
    methods = frozenset({"POST"})
    prefix = ""

    def __init__(self, health: str, predict: str) -> None:
        self._health = health
        self.main = predict
        self.paths = frozenset({health, predict})

    def label(self, path: str) -> str | None:
        return self.main if path == self.main else None

    def refused(self, error: RequestError, request_id: bytes | None) -> Reply:
        headers = [(b"content-type", b"application/json")]
        if error.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after_s))
        if error.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        elif error.status == 405 and request_id is not None:
            headers.append(allow(self.methods))
        return Reply(error.status, headers, json.dumps({"detail": error.message}).encode())

    def routes(self, state: State) -> list[Route]:
        async def health(request: Request) -> Response:
            reason = await state.unready_reason()
            return JSONResponse({}) if reason is None else JSONResponse({"detail": reason}, 503)

        return [Route(self._health, health, methods=["GET"])]


def make_front(environment: Mapping[str, str], settings: ServeSettings) -> VertexFront:
    """Raises UsageError for routes that cannot be served."""
    health, predict = (_route(environment, name) for name in (_HEALTH, _PREDICT))
    if health == predict:
        raise UsageError(f"{_HEALTH} and {_PREDICT} are both {health}", remedy="give each a path of its own")
    if taken := [path for path in (health, predict) if path in _SERVERS and (path != health or path not in _PROBES)]:
        raise UsageError(f"environment: a route of Vertex AI's is {taken[0]}, which is the server's own")
    return VertexFront(health, predict)


def _route(environment: Mapping[str, str], name: str) -> str:
    route = environment.get(name) or _DEFAULTS[name]
    if not route.startswith("/") or any(sign in route for sign in "?#%{} "):
        raise UsageError(f"environment {name} = {route!r} is no path", remedy="as in /v1/endpoints/1:predict")
    return route
