"""The front's ASGI application: `/score` on a path of its own, everything else through Starlette."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from plimsoll.errors import EntryError, IdTooLong, MethodNotAllowed, NotFound, RequestError
from plimsoll.server.access_log import AccessLog
from plimsoll.server.asgi import Message, RawHeaders, Receive, Scope, Send, respond
from plimsoll.server.ids import request_ids
from plimsoll.server.logs import script_line
from plimsoll.server.metrics import Machine, Metrics
from plimsoll.server.probes import Probes
from plimsoll.server.replies import CLOSE, SERVER_VERSION, error_body, error_headers
from plimsoll.server.scoring import Scoring
from plimsoll.settings import ServeSettings
from plimsoll.workers.spec import PoolSpec
from plimsoll.workers.supervisor import Supervisor

_NOT_FOUND = (
    "The requested URL was not found on the server."
    " If you entered the URL manually please check your spelling and try again."
)
_NOT_ALLOWED = "The method is not allowed for the requested URL."


class Front:
    """`fatal` is set once the script proves unable to start; `on_fatal` then ends the server."""

    def __init__(self, settings: ServeSettings, pool: PoolSpec) -> None:
        self._settings = settings
        self._pool = pool
        self._scoring: Scoring | None = None
        self._starlette: ASGIApp = Starlette(lifespan=self._lifespan)
        self._probes: Probes | None = None
        self.fatal: EntryError | None = None
        self.on_fatal: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._starlette(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            ids = request_ids(headers)
        except IdTooLong as error:
            await respond(send, error.status, error_headers(error, []), error_body(error))
            return
        if scope["path"] == "/score" and self._scoring is not None:
            await self._scoring(scope, receive, send, headers, ids)
        else:
            await self._starlette(scope, receive, _with_ids(send, ids, self.draining))

    def drain(self) -> None:
        """Readiness says no, and connections end with their next answer; requests are still served."""
        if self._probes is not None and self._scoring is not None:
            self._probes.draining = self._scoring.closing = True

    @property
    def draining(self) -> bool:
        return self._probes is not None and self._probes.draining

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        metrics = Metrics()
        supervisor = Supervisor(self._pool, script_line, self._on_fatal, metrics.count_restart)
        metrics.registry.register(_machine(supervisor))
        access_log = AccessLog(sys.stdout, self._settings.log_level in ("debug", "info"))
        self._scoring = Scoring(supervisor, metrics, access_log, self._settings.max_body_bytes)
        self._probes = Probes(supervisor, metrics.registry)
        self._starlette = _routed(self._probes)
        supervisor.start()
        yield
        await supervisor.stop()
        access_log.flush()

    def _on_fatal(self, error: EntryError) -> None:
        if self.fatal is None:
            self.fatal = error
            self.on_fatal()


def _routed(probes: Probes) -> Starlette:
    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known: RequestError = MethodNotAllowed(_NOT_ALLOWED) if error.status_code == 405 else NotFound(_NOT_FOUND)
        headers = {"x-ms-run-function-failed": "False", **(error.headers or {})}
        return Response(error_body(known), known.status, headers, "application/json")

    return Starlette(routes=probes.routes(), exception_handlers={404: answer, 405: answer})


def _with_ids(send: Send, ids: RawHeaders, draining: bool) -> Send:
    """Adds the id headers to whatever is found; Azure ML's server sends none with a 404 or 405."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] not in (404, 405):
            message["headers"] = [*message["headers"], *ids, SERVER_VERSION]
        if message["type"] == "http.response.start" and draining:
            message["headers"] = [*message["headers"], CLOSE]
        await send(message)

    return wrapped


def _machine(supervisor: Supervisor) -> Machine:
    def processes() -> dict[str, int]:
        found = {"master": os.getppid(), "front": os.getpid()}
        return found | {f"worker-{worker.index}": worker.pid for worker in supervisor.workers}

    def states() -> dict[str, int]:
        return Counter(worker.state.value for worker in supervisor.workers)

    dispatcher = supervisor.dispatcher
    gauges = {
        "plimsoll_queue_length": ("Calls waiting for a slot.", lambda: float(dispatcher.queue_length)),
        "plimsoll_requests_in_flight": (
            "Calls handed to slots and not yet answered.",
            lambda: float(dispatcher.running),
        ),
        "plimsoll_slots": ("Slots that can take calls.", lambda: float(sum(slot.open for slot in dispatcher.slots))),
    }
    return Machine(processes, states, gauges)
