"""What the front answers: requests for scoring on a path of their own, everything else through Starlette.

Imported when the workers have been started, which load meanwhile: what HTTP and metrics need is half of what a front
imports, and takes as long as the interpreter of a worker takes to start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from plimsoll.contracts.front import Front
from plimsoll.contracts.fronts import Fronts
from plimsoll.errors import IdTooLong, MethodNotAllowed, NotFound, RequestError
from plimsoll.server.auth import ApiKeys
from plimsoll.server.cors import Cors
from plimsoll.server.gpu.health import GpuHealth
from plimsoll.server.http.adapter import Adapter
from plimsoll.server.http.connections import Connections
from plimsoll.server.http.exchange import Exchange
from plimsoll.server.http.head import Fields, field_lines
from plimsoll.server.http.limits import ConnectionLimits
from plimsoll.server.http.request import Request
from plimsoll.server.ids import new_id, request_ids
from plimsoll.server.logs.access import AccessLog
from plimsoll.server.logs.lines import LogStreams
from plimsoll.server.metrics.allocator import AllocatorMetrics
from plimsoll.server.metrics.counted import Counted
from plimsoll.server.metrics.counters import Metrics
from plimsoll.server.metrics.exposition import Exposition
from plimsoll.server.metrics.gpu import GpuMetrics
from plimsoll.server.metrics.load_line import load_line_of
from plimsoll.server.metrics.machine import machine
from plimsoll.server.probes import Probes
from plimsoll.server.refusals import Refusals
from plimsoll.server.scoring import CLIENT_GONE, Ids, Scoring, ScoringCall
from plimsoll.server.tracing import Tracing
from plimsoll.server.turns import Turns
from plimsoll.server.version_header import version_header
from plimsoll.settings.collecting import collecting_of
from plimsoll.settings.serving import ServeSettings
from plimsoll.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from plimsoll.server.collection.collection import Collection

_NOT_FOUND = (
    "The requested URL was not found on the server."
    " If you entered the URL manually please check your spelling and try again."
)
_WITHOUT_IDS = "plimsoll.without_ids"
"""Set in the scope of a request whose answer carries no ids: Azure ML's server sends none with these 404 and 405."""
_NOT_ALLOWED = "The method is not allowed for the requested URL."


class Reception:
    """`is_draining`: whether the server is about to stop."""

    def __init__(
        self,
        settings: ServeSettings,
        supervisor: Supervisor,
        metrics: Metrics,
        streams: LogStreams,
        gpus: GpuHealth | None,
        is_draining: Callable[[], bool],
    ) -> None:
        self._metrics = metrics
        self._refusals = Refusals(metrics.requests)
        self._cors = Cors(settings.cors_origins) if settings.cors_origins else None
        self._version = [version_header(os.environ)] if settings.server_version_header else []
        self._tracing = Tracing.from_environment() if settings.tracing else None
        self._fronts = fronts = Fronts(settings, os.environ)
        self._main_routes = fronts.main_routes
        logged = settings.log_level in ("debug", "info")
        self._access_log = AccessLog(streams.stdout, logged, settings.log_format, frozenset({fronts.main}))
        scheme = "https" if settings.tls_cert else "http"
        self.connections = Connections(self, ConnectionLimits.of(settings), scheme, supervisor.bodies)
        supervisor.dispatcher.before_answers = self.connections.cork.put_in
        supervisor.dispatcher.after_answers = self.connections.cork.take_out
        supervisor.dispatcher.sweep.on_lag = metrics.loop_lag.observe
        keys = ApiKeys(settings.api_keys_file) if settings.api_keys_file else None
        self._scoring = Scoring(supervisor, metrics, self._access_log, settings, keys, self._tracing)
        registry = CollectorRegistry()
        self._collection = self._collect(settings, supervisor, registry)
        registry.register(Counted(metrics, streams))
        registry.register(machine(supervisor, self.connections))
        registry.register(AllocatorMetrics(lambda: supervisor.workers))
        if gpus is not None:
            registry.register(GpuMetrics(gpus))
        if (load_line := load_line_of(settings)) is not None:
            registry.register(load_line)
        turns = Turns()
        probes = Probes(supervisor, Exposition(registry, turns), turns, gpus, is_draining)
        states = {front.name: _State(front.name, supervisor, probes) for front in fronts.all}
        routes = [*probes.routes(), *fronts.routes(states)]
        self._labels = Labels(routes)
        self._others = Adapter(
            _routed(routes, fronts),
            self._send_other,
            self._on_other_gone,
            lambda exchange: turns.mine(self._labels.of(exchange.request.path)),
        )

    def close(self) -> None:
        self._access_log.flush()
        if self._collection is not None:
            self._collection.close()
        if self._tracing is not None:
            self._tracing.close()

    def _collect(
        self, settings: ServeSettings, supervisor: Supervisor, registry: CollectorRegistry
    ) -> Collection | None:
        """Who collects nothing does not import it either."""
        collecting = collecting_of(settings)
        if collecting is None:
            return None
        from plimsoll.server.collection.call import collected_by
        from plimsoll.server.collection.collection import Collection
        from plimsoll.server.collection.metrics import CollectionMetrics

        collection = Collection(collecting)
        self._scoring.make_call = collected_by(collection)
        supervisor.on_record, supervisor.on_dropped_records = collection.add_record, collection.note_dropped
        registry.register(CollectionMetrics(collection))
        return collection

    def on_head(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            ids = self._ids(request)
        except IdTooLong as error:
            exchange.ticket, exchange.early = error, True
            return
        route = self._main_routes.get(request.path) or self._fronts.scoring(request.path)
        if route is None:
            exchange.ticket, exchange.early = ids, True
        else:
            self._scoring.on_head(exchange, ids, route)

    def begin(self, exchange: Exchange) -> None:
        ticket = exchange.ticket
        if exchange.error is not None:
            self._refuse(exchange, exchange.error)
        elif isinstance(ticket, ScoringCall):
            self._scoring.begin(ticket)
        elif isinstance(ticket, IdTooLong):
            reply = self._front_of(exchange.request.path).refused(ticket, None)
            fields = field_lines([*reply.headers, *ticket.ids, *self._version])
            exchange.respond(reply.status, fields, reply.body)
        else:
            self._others.begin(exchange)

    def _front_of(self, path: str) -> Front:
        route = self._fronts.scoring(path)
        return self._fronts.of_path(path) if route is None else route.front

    def on_left(self, exchange: Exchange) -> None:
        if isinstance(exchange.ticket, ScoringCall):
            exchange.ticket.on_gone()

    def _ids(self, request: Request) -> Ids:
        """Raises IdTooLong."""
        fields = request.fields
        ids = request_ids(fields)
        own = ids[0][1]
        ids += self._version
        if b"traceid" in fields:
            ids.append((b"traceid", fields[b"traceid"]))
        if self._cors is not None:
            ids += self._cors.headers(fields, request.method)
        return Ids(own, field_lines(ids))

    def _refuse(self, exchange: Exchange, error: RequestError) -> None:
        """What came was no request, or goes beyond a limit of the connection."""
        self._refusals.note(error)
        request_id, ticket = new_id(), exchange.ticket
        ids = field_lines([(b"x-request-id", request_id)])
        if isinstance(ticket, ScoringCall) and not ticket.route.is_azures:
            request_id, ids = ticket.ids.own, ticket.ids.lines
        reply = self._front_of(exchange.request.path).refused(error, request_id)
        exchange.respond(reply.status, field_lines(reply.headers) + ids, reply.body)

    def _send_other(self, exchange: Exchange, scope: Scope, status: int, fields: Fields, body: bytes) -> None:
        self._metrics.requests.add("ok" if status < 400 else "refused", status, self._labels.of(exchange.request.path))
        ids = exchange.ticket
        assert isinstance(ids, Ids)
        exchange.respond(status, field_lines(fields) + (b"" if scope.get(_WITHOUT_IDS) else ids.lines), body)

    def _on_other_gone(self, exchange: Exchange) -> None:
        self._metrics.requests.add("client_gone", CLIENT_GONE, self._labels.of(exchange.request.path))


class Labels:
    """What metrics call a path: a template of ours, never what a client wrote."""

    def __init__(self, routes: list[Route]) -> None:
        self._exact = {route.path for route in routes if not route.param_convertors}
        self._templates = [route for route in routes if route.param_convertors]

    def of(self, path: str) -> str:
        if path in self._exact:
            return path
        return next((route.path for route in self._templates if route.path_regex.match(path)), "unmatched")


@dataclass(frozen=True, slots=True)
class _State:
    """Of the server, as one contract asks for it."""

    contract: str
    supervisor: Supervisor
    probes: Probes

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.supervisor.features.metadata.get(self.contract, {})

    async def unready_reason(self) -> str | None:
        return await self.probes.unready_reason(self.contract)


def _routed(routes: list[Route], fronts: Fronts) -> Starlette:
    async def answer(request: StarletteRequest, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known: RequestError = MethodNotAllowed(_NOT_ALLOWED) if error.status_code == 405 else NotFound(_NOT_FOUND)
        reply = fronts.of_path(request.url.path).refused(known, None)
        request.scope[_WITHOUT_IDS] = not reply.has_ids
        response = Response(reply.body, reply.status)
        response.raw_headers = [*response.raw_headers, *reply.headers]
        response.headers.update(error.headers or {})
        return response

    return Starlette(routes=routes, exception_handlers={404: answer, 405: answer})
