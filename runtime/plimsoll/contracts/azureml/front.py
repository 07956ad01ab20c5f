"""What the front knows of Azure ML's contract."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from plimsoll.contracts.azureml.descriptions import Descriptions
from plimsoll.contracts.azureml.replies import error_body, error_headers
from plimsoll.contracts.azureml.routes import SCORE
from plimsoll.contracts.front import Reply, State, allow
from plimsoll.errors import MethodNotAllowed, NotFound, RequestError, ScoringTimeout
from plimsoll.settings.serving import ServeSettings

_METHODS = frozenset({"GET", "POST", "OPTIONS", "HEAD"})
_CHALLENGE = (b"www-authenticate", b"Bearer")


class AzureMLFront:
    """`timeout_status`: what a call gets that ran too long; theirs is 500."""

    name = "azureml"
    loading = ""
    main = SCORE
    methods = _METHODS
    prefix = ""
    paths = frozenset({SCORE, "/", "/swagger.json", "/openapi.json"})

    def __init__(self, timeout_status: int) -> None:
        self._timeout_status = timeout_status

    def label(self, path: str) -> str | None:
        return SCORE if path == SCORE else None

    def refused(self, error: RequestError, request_id: bytes | None) -> Reply:
        """Of a 404, and of a 405, their server sends no ids: neither reaches the code that adds them."""
        headers = error_headers(error)
        if error.status == 401:
            headers.append(_CHALLENGE)
        elif error.status == 405 and request_id is not None:
            headers.append(allow(self.methods))
        status = self._timeout_status if isinstance(error, ScoringTimeout) else error.status
        has_ids = not isinstance(error, MethodNotAllowed | NotFound)
        return Reply(status, headers, error_body(error, request_id), has_ids)

    def routes(self, state: State) -> list[Route]:
        return [Route("/", _root, methods=["GET", "OPTIONS"]), *Descriptions(state).routes()]


def make_front(environment: Mapping[str, str], settings: ServeSettings) -> AzureMLFront:
    return AzureMLFront(settings.timeout_status)


async def _root(request: Request) -> Response:
    if request.method == "OPTIONS":
        return HTMLResponse(headers={"allow": "GET, HEAD, OPTIONS"})
    return HTMLResponse("Healthy")
