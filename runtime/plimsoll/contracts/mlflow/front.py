"""What the front knows of MLflow's contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plimsoll.contracts.front import Reply, State, allow
from plimsoll.contracts.mlflow.errors import error_body
from plimsoll.errors import RequestError
from plimsoll.settings.serving import ServeSettings
from plimsoll.version import __version__

INVOCATIONS = "/invocations"
_PROBES = ("/ping", "/health")
_VERSION = "/version"
_JSON = "application/json"
_RETRY_AFTER_S = 1
# What FastAPI says, which mlflow's server is made with.
_FASTAPIS = {404: "Not Found", 405: "Method Not Allowed"}


class MLflowFront:
    name = "mlflow"
    loading = ""
    main = INVOCATIONS
    methods = frozenset({"POST"})
    prefix = ""
    paths = frozenset({INVOCATIONS, *_PROBES, _VERSION})

    def label(self, path: str) -> str | None:
        return INVOCATIONS if path == INVOCATIONS else None

    def refused(self, error: RequestError, request_id: bytes | None) -> Reply:
        headers = [(b"content-type", _JSON.encode())]
        if error.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % error.retry_after_s))
        if error.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        elif error.status == 405 and request_id is not None:
            headers.append(allow(self.methods))
        return Reply(error.status, headers, _body(error, request_id))

    def routes(self, state: State) -> list[Route]:
        async def ping(request: Request) -> Response:
            if reason := await state.unready_reason():
                body = error_body(503, f"The model is not ready: {reason}.")
                return Response(body, 503, {"retry-after": str(_RETRY_AFTER_S)}, _JSON)
            return Response("\n", media_type=_JSON)

        probes = [Route(path, ping, methods=["GET"]) for path in _PROBES]
        return [*probes, Route(_VERSION, _version, methods=["GET"])]


def make_front(environment: Mapping[str, str], settings: ServeSettings) -> MLflowFront:
    return MLflowFront()


def _body(error: RequestError, request_id: bytes | None) -> bytes:
    if error.status in _FASTAPIS:
        return json.dumps({"detail": _FASTAPIS[error.status]}).encode()
    ids = {} if request_id is None else {"requestId": request_id.decode("latin-1")}
    return error_body(error.status, error.message, code=error.code, **ids)


async def _version(request: Request) -> Response:
    return Response(_mlflows_version(), media_type=_JSON)


def _mlflows_version() -> str:
    """Of the mlflow that is installed, whole or without its server; where there is none, ours."""
    for name in ("mlflow", "mlflow-skinny"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return __version__
