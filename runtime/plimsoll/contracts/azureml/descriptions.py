"""`/swagger.json` and `/openapi.json`: what a worker found out about the script's inputs and outputs."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plimsoll.contracts.azureml.replies import error_body
from plimsoll.contracts.front import State
from plimsoll.entry.openapi.description import chosen
from plimsoll.errors import NotFound, NotReady, RequestError

# A worker may load for a second or an hour: nobody's connection is held so long for a description.
_RETRY_AFTER_S = 1
_FLAG = {"x-ms-run-function-failed": "False"}


class Descriptions:
    """Azure ML's default is Swagger 2; `/openapi.json` is always OpenAPI 3.1."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            Route("/swagger.json", self.swagger, methods=["GET", "OPTIONS"]),
            Route("/openapi.json", self.openapi, methods=["GET", "OPTIONS"]),
        ]

    async def swagger(self, request: Request) -> Response:
        return await self._document(request, request.query_params.get("version"))

    async def openapi(self, request: Request) -> Response:
        return await self._document(request, "3.1")

    async def _document(self, request: Request, version: str | None) -> Response:
        if request.method == "OPTIONS":
            return Response(headers={"allow": "GET, HEAD, OPTIONS"}, media_type="text/html")
        available = self._state.metadata
        try:
            if not available:
                reason = await self._state.unready_reason() or "no description"
                raise NotReady(f"The API description is not available yet: {reason}.", retry_after_s=_RETRY_AFTER_S)
            return Response(json.dumps(chosen(available, version)), headers=_FLAG, media_type="application/json")
        except (NotFound, NotReady) as error:
            return _refused(error)


def _refused(error: RequestError) -> Response:
    retry = {} if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
    return Response(error_body(error), error.status, _FLAG | retry, "application/json")
