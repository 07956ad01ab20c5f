"""The front's ASGI application: `/score` on a path of its own, everything else through Starlette."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from plimsoll.errors import EntryError, IdTooLong, MethodNotAllowed, NotFound, RequestError
from plimsoll.host.cpus import describe_host
from plimsoll.server.access_log import AccessLog
from plimsoll.server.asgi import Message, RawHeaders, Receive, Scope, Send, respond
from plimsoll.server.auth import ApiKeys
from plimsoll.server.cors import Cors
from plimsoll.server.descriptions import Descriptions
from plimsoll.server.gpu_health import GpuHealth
from plimsoll.server.gpus import GpuPlan
from plimsoll.server.ids import request_ids
from plimsoll.server.logs import LogStreams, script_line
from plimsoll.server.metrics import Machine, Metrics
from plimsoll.server.metrics_allocator import AllocatorMetrics
from plimsoll.server.metrics_gpu import GpuMetrics
from plimsoll.server.probes import Probes
from plimsoll.server.replies import CLOSE, error_body, error_headers, version_header
from plimsoll.server.scoring import Scoring
from plimsoll.server.tracing import Tracing
from plimsoll.settings import ServeSettings
from plimsoll.workers.recycling import RecycleLimits, Recycler
from plimsoll.workers.spec import PoolSpec
from plimsoll.workers.supervisor import Supervisor
from plimsoll.workers.threads import OWN as THREADS_VARIABLE

_NOT_FOUND = (
    "The requested URL was not found on the server."
    " If you entered the URL manually please check your spelling and try again."
)
_ROUTES = frozenset({"/", "/health/live", "/health/ready", "/metrics", "/swagger.json", "/openapi.json"})
_WITHOUT_IDS = "plimsoll.without_ids"
"""Set in the scope of a request whose answer carries no ids: Azure ML's server sends none with these 404 and 405."""
_NOT_ALLOWED = "The method is not allowed for the requested URL."


class Front:
    """`fatal` is set once the script proves unable to start; `on_fatal` then ends the server."""

    def __init__(self, settings: ServeSettings, pool: PoolSpec, gpus: GpuPlan, streams: LogStreams) -> None:
        self.settings = settings
        self.streams = streams
        self._gpus = GpuHealth(gpus) if gpus.gpus else None
        self.metrics = Metrics()
        self._pool = pool
        self._keys = ApiKeys(settings.api_keys_file) if settings.api_keys_file else None
        self._cors = Cors(settings.cors_origins) if settings.cors_origins else None
        self._version = [version_header(os.environ)] if settings.server_version_header else []
        self._supervisor: Supervisor | None = None
        self._background: set[asyncio.Task[None]] = set()
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
            ids = [*request_ids(headers), *self._version]
            if b"traceid" in headers:
                ids.append((b"traceid", headers[b"traceid"]))
            if self._cors is not None:
                ids += self._cors.headers(headers, scope["method"])
        except IdTooLong as error:
            await respond(send, error.status, error_headers(error, [*error.ids, *self._version]), error_body(error))
            return
        if scope["path"] == "/score" and self._scoring is not None:
            await self._score(scope, receive, send, headers, ids)
        else:
            await self._starlette(scope, receive, self._counted(scope, _with_ids(scope, send, ids, self.draining)))

    def drain(self) -> None:
        """Readiness says no, and connections end with their next answer; requests are still served."""
        if self._probes is not None and self._scoring is not None:
            self._probes.draining = self._scoring.closing = True

    @property
    def draining(self) -> bool:
        return self._probes is not None and self._probes.draining

    def _counted(self, scope: Scope, send: Send) -> Send:
        route = scope["path"] if scope["path"] in _ROUTES else "unmatched"

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                self.metrics.requests.add("ok" if status < 400 else "refused", status, route)
            await send(message)

        return wrapped

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        settings = self.settings
        self.streams.start()
        self.metrics.registry.register(self.streams)
        check = None
        if self._gpus is not None:
            await self._gpus.start()
            self.metrics.registry.register(GpuMetrics(self._gpus))
            check = self._gpus.check
        try:
            supervisor = self._supervisor = Supervisor(self._pool, script_line, self._on_fatal, self.metrics, check)
        except EntryError as error:
            self._on_fatal(error)
            yield
            return
        self.metrics.registry.register(_machine(supervisor, settings))
        self.metrics.registry.register(AllocatorMetrics(lambda: supervisor.workers))
        tracing = Tracing.from_environment() if settings.tracing else None
        access_log = AccessLog(self.streams.stdout, settings.log_level in ("debug", "info"), settings.log_format)
        self._scoring = Scoring(supervisor, self.metrics, access_log, settings, self._keys, tracing)
        self._score = self._scoring.score if tracing is None else self._scoring.traced
        self._probes = Probes(supervisor, self.metrics.registry, self._gpus)
        self._starlette = _routed([*self._probes.routes(), *Descriptions(supervisor).routes()])
        supervisor.start()
        self._in_background(Recycler(supervisor, self._recycle_limits()).run())
        yield
        for task in self._background:
            task.cancel()
        await supervisor.stop()
        access_log.flush()
        if tracing is not None:
            tracing.close()
        self.streams.close()

    def reload(self) -> None:
        """Replaces every worker by a fresh one, which reads the script and the model anew."""
        if self._supervisor is not None:
            self._in_background(self._supervisor.renew_all())

    def _recycle_limits(self) -> RecycleLimits:
        settings = self.settings
        memory_bytes = settings.max_memory * 1e6 if settings.max_memory else None
        return RecycleLimits(settings.max_requests or None, memory_bytes)

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _on_fatal(self, error: EntryError) -> None:
        if self.fatal is None:
            self.fatal = error
            self.on_fatal()


def _routed(routes: list[Route]) -> Starlette:
    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known: RequestError = MethodNotAllowed(_NOT_ALLOWED) if error.status_code == 405 else NotFound(_NOT_FOUND)
        request.scope[_WITHOUT_IDS] = True
        headers = {"x-ms-run-function-failed": "False", **(error.headers or {})}
        return Response(error_body(known), known.status, headers, "application/json")

    return Starlette(routes=routes, exception_handlers={404: answer, 405: answer})


def _with_ids(scope: Scope, send: Send, ids: RawHeaders, draining: bool) -> Send:
    """Adds the id headers to whatever is found."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start" and _WITHOUT_IDS not in scope:
            message["headers"] = [*message["headers"], *ids]
        if message["type"] == "http.response.start" and draining:
            message["headers"] = [*message["headers"], CLOSE]
        await send(message)

    return wrapped


def _machine(supervisor: Supervisor, settings: ServeSettings) -> Machine:
    def processes() -> dict[str, int]:
        found = {"master": os.getppid(), "front": os.getpid()}
        return found | {f"worker-{worker.index}": worker.pid for worker in supervisor.workers}

    def states() -> dict[str, int]:
        return Counter(worker.state.value for worker in supervisor.workers)

    dispatcher = supervisor.dispatcher
    gauges: dict[str, tuple[str, Callable[[], float]]] = {
        "plimsoll_queue_length": ("Calls waiting for a slot.", lambda: float(dispatcher.queue_length)),
        "plimsoll_requests_in_flight": (
            "Calls handed to slots and not yet answered.",
            lambda: float(dispatcher.running),
        ),
        "plimsoll_max_batch_size": (
            "Most calls that run() gets at once; 0 where it takes single calls.",
            lambda: float(dispatcher.batch.max_size if dispatcher.batch else 0),
        ),
        "plimsoll_connections_limit": (
            "Connections that may be open; whoever comes then gets 503.",
            lambda: float(settings.max_connections),
        ),
        "plimsoll_body_memory_bytes": (
            "Memory in use for large request bodies that are not yet answered.",
            lambda: float(supervisor.bodies.used),
        ),
        "plimsoll_slots": ("Slots that can take calls.", lambda: float(sum(slot.open for slot in dispatcher.slots))),
    }
    return Machine(processes, states, gauges | _cpu_gauges(supervisor.spec.environment))


def _cpu_gauges(environment: Mapping[str, str]) -> dict[str, tuple[str, Callable[[], float]]]:
    cores = describe_host().usable_cores
    threads = environment.get(THREADS_VARIABLE, "")
    return {
        "plimsoll_usable_cores": ("Cores that the CPU limit and the affinity leave.", lambda: cores),
        "plimsoll_worker_cpu_threads": (
            "Threads that numerical libraries are told to use per worker.",
            lambda: float(threads) if threads.isdigit() else 0.0,
        ),
    }
