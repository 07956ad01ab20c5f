"""What the front answers: `/score` on a path of its own, everything else through Starlette."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response
from starlette.routing import Route

from plimsoll.errors import EntryError, IdTooLong, MethodNotAllowed, NotFound, RequestError
from plimsoll.host.cpus import describe_host
from plimsoll.server.access_log import AccessLog
from plimsoll.server.asgi import RawHeaders, Scope
from plimsoll.server.auth import ApiKeys
from plimsoll.server.cors import Cors
from plimsoll.server.descriptions import Descriptions
from plimsoll.server.exposition import Exposition
from plimsoll.server.gpu_health import GpuHealth
from plimsoll.server.gpus import GpuPlan
from plimsoll.server.http.adapter import Adapter
from plimsoll.server.http.connections import Connections
from plimsoll.server.http.exchange import Exchange
from plimsoll.server.http.head import field_lines
from plimsoll.server.http.limits import ConnectionLimits
from plimsoll.server.http.request import Request
from plimsoll.server.ids import new_id, request_ids
from plimsoll.server.logs import LogStreams, script_line
from plimsoll.server.metrics import Machine, Metrics
from plimsoll.server.metrics_allocator import AllocatorMetrics
from plimsoll.server.metrics_gpu import GpuMetrics
from plimsoll.server.probes import Probes
from plimsoll.server.refusals import Refusals
from plimsoll.server.replies import error_body, error_headers, version_header
from plimsoll.server.scoring import CLIENT_GONE, Ids, Scoring, ScoringCall
from plimsoll.server.tracing import Tracing
from plimsoll.server.turns import Turns
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
        self._refusals = Refusals(self.metrics.requests)
        self._pool = pool
        self._keys = ApiKeys(settings.api_keys_file) if settings.api_keys_file else None
        self._cors = Cors(settings.cors_origins) if settings.cors_origins else None
        self._version = [version_header(os.environ)] if settings.server_version_header else []
        self._supervisor: Supervisor | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.draining = False
        self.fatal: EntryError | None = None
        self.on_fatal: Callable[[], None] = lambda: None

    connections: Connections
    """Only while it is `running`, as the next two."""
    _scoring: Scoring
    _others: Adapter

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Workers are started on the way in and stopped on the way out; it can be served in between, unless `fatal`."""
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
            self.streams.close()
            return
        scheme = "https" if settings.tls_cert else "http"
        self.connections = Connections(self, ConnectionLimits.of(settings), scheme, supervisor.bodies)
        supervisor.dispatcher.before_answers = self.connections.cork.put_in
        supervisor.dispatcher.after_answers = self.connections.cork.take_out
        self.metrics.registry.register(_machine(supervisor, self.connections))
        self.metrics.registry.register(AllocatorMetrics(lambda: supervisor.workers))
        tracing = Tracing.from_environment() if settings.tracing else None
        access_log = AccessLog(self.streams.stdout, settings.log_level in ("debug", "info"), settings.log_format)
        self._scoring = Scoring(supervisor, self.metrics, access_log, settings, self._keys, tracing)
        turns = Turns()
        exposition = Exposition(self.metrics.registry, turns)
        probes = Probes(supervisor, exposition, turns, self._gpus, lambda: self.draining)
        routes = [*probes.routes(), *Descriptions(supervisor).routes()]
        self._others = Adapter(
            _routed(routes), self._send_other, self._on_other_gone, lambda exchange: turns.mine(_route(exchange))
        )
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

    def drain(self) -> None:
        """Readiness says no, and connections end with their next answer; requests are still served."""
        self.draining = True
        if self._supervisor is not None and self.fatal is None:
            self.connections.draining = True

    def on_head(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            ids = self._ids(request)
        except IdTooLong as error:
            exchange.ticket, exchange.early = error, True
            return
        if request.path == "/score":
            self._scoring.on_head(exchange, ids)
        else:
            exchange.ticket, exchange.early = ids, True

    def begin(self, exchange: Exchange) -> None:
        ticket = exchange.ticket
        if exchange.error is not None:
            self._refuse(exchange, exchange.error)
        elif isinstance(ticket, ScoringCall):
            self._scoring.begin(ticket)
        elif isinstance(ticket, IdTooLong):
            ids = [*ticket.ids, *self._version]
            exchange.respond(ticket.status, field_lines(error_headers(ticket, ids)), error_body(ticket))
        else:
            self._others.begin(exchange)

    def on_left(self, exchange: Exchange) -> None:
        if isinstance(exchange.ticket, ScoringCall):
            exchange.ticket.on_gone()

    def _ids(self, request: Request) -> Ids:
        """Raises IdTooLong."""
        fields = request.fields
        ids = request_ids(fields)
        own = ids[0][1]
        if self._version or b"traceid" in fields or self._cors is not None:
            ids += self._version
            if b"traceid" in fields:
                ids.append((b"traceid", fields[b"traceid"]))
            if self._cors is not None:
                ids += self._cors.headers(fields, request.method)
        return Ids(own, field_lines(ids))

    def _refuse(self, exchange: Exchange, error: RequestError) -> None:
        """What came was no request, or goes beyond a limit of the connection."""
        self._refusals.note(error)
        request_id = new_id()
        fields = field_lines(error_headers(error, [(b"x-request-id", request_id)]))
        exchange.respond(error.status, fields, error_body(error, request_id))

    def _send_other(self, exchange: Exchange, scope: Scope, status: int, fields: RawHeaders, body: bytes) -> None:
        self.metrics.requests.add("ok" if status < 400 else "refused", status, _route(exchange))
        ids = exchange.ticket
        assert isinstance(ids, Ids)
        exchange.respond(status, field_lines(fields) + (b"" if _WITHOUT_IDS in scope else ids.lines), body)

    def _on_other_gone(self, exchange: Exchange) -> None:
        self.metrics.requests.add("client_gone", CLIENT_GONE, _route(exchange))

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


def _route(exchange: Exchange) -> str:
    path = exchange.request.path
    return path if path in _ROUTES else "unmatched"


def _routed(routes: list[Route]) -> Starlette:
    async def answer(request: StarletteRequest, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known: RequestError = MethodNotAllowed(_NOT_ALLOWED) if error.status_code == 405 else NotFound(_NOT_FOUND)
        request.scope[_WITHOUT_IDS] = True
        headers = {"x-ms-run-function-failed": "False", **(error.headers or {})}
        return Response(error_body(known), known.status, headers, "application/json")

    return Starlette(routes=routes, exception_handlers={404: answer, 405: answer})


def _machine(supervisor: Supervisor, connections: Connections) -> Machine:
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
            lambda: float(connections.limits.max_connections),
        ),
        "plimsoll_connections": ("Open connections.", lambda: float(len(connections))),
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
