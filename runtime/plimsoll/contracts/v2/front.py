"""What the front knows of the Open Inference Protocol: one model, its routes, probes and metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plimsoll.contracts.front import Reply, State, allow
from plimsoll.contracts.v2.refusals import JSON_TYPE, error_body, phrase_detail
from plimsoll.errors import RequestError, UsageError
from plimsoll.settings.serving import ServeSettings
from plimsoll.version import __version__

_MODEL = "/v2/models/{model}"
_VERSION = _MODEL + "/versions/{version}"
_INFER = _MODEL + "/infer"
_INFER_VERSION = _VERSION + "/infer"
_NOT_READY = 400
"""As MLServer and Triton answer a probe."""


class V2Front:
    """`version`: the model's, empty for none."""

    name = "v2"
    methods = frozenset({"POST"})
    prefix = "/v2"
    paths = frozenset({"/v2", "/v2/health/live", "/v2/health/ready", _MODEL, _INFER})

    def __init__(self, model: str, version: str) -> None:
        self._model = model
        self._version = version
        self.main = f"/v2/models/{model}/infer"
        self.loading = f"Model {model} is not ready yet."
        self._labels = {self.main: _INFER}
        if version:
            self._labels[f"/v2/models/{model}/versions/{version}/infer"] = _INFER_VERSION

    def label(self, path: str) -> str | None:
        return self._labels.get(path)

    def refused(self, error: RequestError, request_id: bytes | None) -> Reply:
        headers = [(b"content-type", JSON_TYPE.encode())]
        if error.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after_s))
        if error.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if error.status == 405 and request_id is not None:
            headers.append(allow(self.methods))
        return Reply(error.status, headers, error_body(error.message, phrase_detail(error.status)))

    def routes(self, state: State) -> list[Route]:
        about = _About(state, self._model, self._version, self.loading)
        found = [
            Route("/v2", about.server, methods=["GET"]),
            Route("/v2/health/live", _live, methods=["GET"]),
            Route("/v2/health/ready", about.ready, methods=["GET"]),
        ]
        for path in (_MODEL, _VERSION):
            found.append(Route(path, about.model, methods=["GET"]))
            found.append(Route(f"{path}/ready", about.model_ready, methods=["GET"]))
            found.append(Route(f"{path}/infer", about.no_such_model, methods=["POST"]))
        return found


class _About:
    """Server and model, as clients ask for them."""

    def __init__(self, state: State, model: str, version: str, loading: str) -> None:
        self._state = state
        self._loading = loading
        self._model = model
        self._version = version

    async def server(self, request: Request) -> Response:
        return _json({"name": "plimsoll", "version": __version__, "extensions": ["binary_tensor_data"]})

    async def ready(self, request: Request) -> Response:
        return await self._readiness({})

    async def model(self, request: Request) -> Response:
        if (unknown := self._unknown(request)) is not None:
            return unknown
        described = self._state.metadata
        if not described:
            return _error(_NOT_READY, self._loading)
        return _json({"name": self._model, "versions": [self._version] if self._version else [], **described})

    async def model_ready(self, request: Request) -> Response:
        return self._unknown(request) or await self._readiness({"name": self._model})

    async def no_such_model(self, request: Request) -> Response:
        """The model that there is has its route before this one."""
        return self._unknown(request) or _error(404, "Not Found")

    async def _readiness(self, who: dict[str, Any]) -> Response:
        """The bodies are KServe's, whose client reads them; others read the status alone."""
        is_ready = await self._state.unready_reason() is None
        return _json(who | {"ready": is_ready}, 200 if is_ready else _NOT_READY)

    def _unknown(self, request: Request) -> Response | None:
        model, version = request.path_params["model"], request.path_params.get("version")
        if model == self._model and version in (None, self._version or None):
            return None
        which = f"{model} with version {version}" if version is not None else model
        return _error(404, f"Model {which} not found")


def make_front(environment: Mapping[str, str], settings: ServeSettings) -> V2Front:
    for flag, value in (("--model-name", settings.model_name), ("--model-version", settings.model_version)):
        if "/" in value or not value.isprintable() or (flag == "--model-name" and not value):
            raise UsageError(f"{flag} {value!r} cannot be part of a path", remedy="leave out slashes and line breaks")
    return V2Front(settings.model_name, settings.model_version)


async def _live(request: Request) -> Response:
    return _json({"live": True})


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type=JSON_TYPE)


def _error(status: int, message: str) -> Response:
    return Response(error_body(message), status, media_type=JSON_TYPE)
