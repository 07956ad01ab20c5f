"""The routes for scoring: takes a request, has a model worker run it, sends what comes back.

Callbacks from the socket to the dispatcher and back, without a task for each request: this path is all that most
requests take, and a task with its turns of the loop costs as much CPU as the whole echo call.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from plimsoll.contracts.azureml.replies import RUN_FAILED
from plimsoll.contracts.fronts import ScoringRoute
from plimsoll.entry.http.headers import is_form_type
from plimsoll.errors import BadRequest, BodyTooLarge, MethodNotAllowed, RequestError, StillLoading, Unforeseen
from plimsoll.server.auth import ApiKeys
from plimsoll.server.http.exchange import Exchange
from plimsoll.server.http.head import NO_CONTENT, field_lines
from plimsoll.server.http.request import Request
from plimsoll.server.logs.access import AccessLog
from plimsoll.server.metrics.counters import Metrics
from plimsoll.server.tracing import Tracing
from plimsoll.settings.serving import ServeSettings
from plimsoll.workers.dispatch.pending import PendingCall
from plimsoll.workers.frames import Flag, Frame, decode_headers, encode_head
from plimsoll.workers.lifecycle import CallState
from plimsoll.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from plimsoll.workers.shared.buffers import SharedAnswer

_LOG = logging.getLogger("plimsoll.server")
_OURS = frozenset(
    {
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"date",
        b"x-request-id",
        b"x-ms-request-id",
        b"x-ms-client-request-id",
    }
)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TIMEOUT_HEADER = b"x-request-timeout-ms"
_RETRY_AFTER_S = 1
CLIENT_GONE = 499
"""Status in the log and the metrics for an answer that nobody was there to take, as nginx writes it."""
_FAILED_LINES = {failed: field_lines([field]) for failed, field in RUN_FAILED.items()}


class Scoring:
    """Admits requests; each then lives on as a `ScoringCall`."""

    def __init__(
        self,
        supervisor: Supervisor,
        metrics: Metrics,
        access_log: AccessLog,
        settings: ServeSettings,
        keys: ApiKeys | None,
        tracing: Tracing | None = None,
    ) -> None:
        self.dispatcher = supervisor.dispatcher
        self._supervisor = supervisor
        self._metrics = metrics
        self._access_log = access_log
        self._max_body_bytes = settings.max_body_bytes
        self._keys = keys
        self._tracing = tracing
        self.make_call: Callable[[Scoring, Exchange, Ids, ScoringRoute], ScoringCall] = ScoringCall

    def on_head(self, exchange: Exchange, ids: Ids, route: ScoringRoute) -> None:
        """Looks at what can be refused, or answered, without the body."""
        request = exchange.request
        exchange.ticket = call = self.make_call(self, exchange, ids, route)
        if self._tracing is not None:
            call.span = self._tracing.begin(request.method, route.label, ids.text, request.fields)
        try:
            self._check(request, call)
        except RequestError as error:
            call.refusal, exchange.early = error, True
        if call.is_preflight:
            exchange.early = True

    def begin(self, call: ScoringCall) -> None:
        """The body is there, or is not wanted."""
        try:
            if call.is_preflight:  # a browser sends no key with it, and the script is not asked
                call.answer_empty()
            elif call.refusal is not None:
                call.refuse(call.refusal)
            else:
                call.submit(self._head(call))
        except RequestError as error:
            call.refuse(error)
        except Exception as failure:
            call.on_unforeseen(failure)

    def over(self, call: ScoringCall, status: int, outcome: str, size: int | None) -> None:
        """Counts and logs what became of the call."""
        took_s = time.monotonic() - call.began_s
        self._metrics.requests.add(outcome, status, call.route.label)
        self._metrics.request_time.observe(took_s)
        request = call.exchange.request
        self._access_log.write(call.ids.text, request.method, request.target.decode("latin-1"), status, took_s, size)
        if call.span is not None and self._tracing is not None:
            self._tracing.finish(call.span, status, outcome)

    def note_times(self, call: PendingCall, frame: Frame) -> None:
        self._metrics.queue_wait.observe(call.started_at - call.queued_at)
        if frame.flags & Flag.RUN_RETURNED:
            self._metrics.run_time.observe(frame.run_ns / 1e9)

    def _check(self, request: Request, call: ScoringCall) -> None:
        is_allowed = request.method in call.route.methods
        if (self._keys is not None or not is_allowed) and is_preflight(request.method, request.fields):
            call.is_preflight = True
            return
        if not is_allowed:
            raise MethodNotAllowed("The method is not allowed for the requested URL.")
        if self._keys is not None:
            self._keys.check(request.fields)
        if _TIMEOUT_HEADER in request.fields:
            call.timeout_s = _timeout_s(request.fields[_TIMEOUT_HEADER])
        if request.content_length is not None and request.content_length > self._max_body_bytes:
            raise BodyTooLarge(f"The request body is larger than {self._max_body_bytes} bytes.")
        front = call.route.front
        if front.loading and not self._supervisor.features.metadata.get(front.name):
            raise StillLoading(front.loading, retry_after_s=_RETRY_AFTER_S)

    def _head(self, call: ScoringCall) -> bytes:
        """Empty for what most scripts take: a POST whose headers they do not look at."""
        exchange, request = call.exchange, call.exchange.request
        if call.route.is_azures:
            if request.method == "POST" and not self._supervisor.features.needs_head and not _is_form(request):
                return b""
            contract = ""
        else:
            contract = call.route.front.name
        return encode_head(request.method, request.target, exchange.scheme, exchange.client, request.headers, contract)


class Ids:
    """Of one request: its own id, as text too, and the lines of its answer's head that say them."""

    __slots__ = ("lines", "own", "text")

    def __init__(self, own: bytes, lines: bytes) -> None:
        self.own = own
        self.lines = lines
        self.text = own.decode("latin-1")


class ScoringCall:
    """One request; hears from the dispatcher of its answer, and from the connection of its client.

    Where it speaks another contract than Azure ML's the worker writes the errors too, in that one's words.
    """

    __slots__ = (
        "_call",
        "_is_over",
        "_outcome",
        "_scoring",
        "_status",
        "began_s",
        "exchange",
        "ids",
        "is_preflight",
        "refusal",
        "route",
        "span",
        "timeout_s",
    )

    def __init__(self, scoring: Scoring, exchange: Exchange, ids: Ids, route: ScoringRoute) -> None:
        self.exchange = exchange
        self.ids = ids
        self.route = route
        self.began_s = time.monotonic()
        self.timeout_s: float | None = None
        self.refusal: RequestError | None = None
        self.is_preflight = False
        self.span: Span | None = None
        self._scoring = scoring
        self._call: PendingCall | None = None
        self._is_over = False
        self._status = 0
        self._outcome = ""

    def submit(self, head: bytes) -> None:
        """Raises QueueFull or NotReady."""
        self.exchange.taker, request = self, self.exchange.request
        self._call = self._scoring.dispatcher.submit(head, request.body, self, self.timeout_s, self.ids.own)
        request.body = b""  # the call's from now on

    # The dispatcher calls these.

    def on_frame(self, frame: Frame) -> None:
        try:
            if self._status:
                self._on_chunk(frame)
            elif frame.flags & Flag.MORE:
                self._begin_stream(frame)
            else:
                self._answer(frame)
        except Exception as failure:
            self.on_unforeseen(failure)

    def on_failed(self, error: RequestError) -> None:
        self.refuse(error)

    # The connection calls these.

    def on_gone(self) -> None:
        if self._call is not None:
            self._scoring.dispatcher.drop(self._call)
        if self._status:
            self._over(self._status, "client_gone", None)
        else:
            self._over(CLIENT_GONE, "client_gone", 0)

    def has_begun(self) -> bool:
        return self._call is None or self._call.state not in (CallState.QUEUED, CallState.HANDED)

    def on_pause(self) -> None:
        if self._call is not None and self._status:
            self._scoring.dispatcher.pause(self._call)

    def on_resume(self) -> None:
        if self._call is not None and self._status:
            self._scoring.dispatcher.resume(self._call)

    # Answers.

    def refuse(self, error: RequestError) -> None:
        self.exchange.request.discard()
        reply = self.route.front.refused(error, self.ids.own)
        fields = field_lines(reply.headers) + (self.ids.lines if reply.has_ids else b"")
        self.exchange.respond(reply.status, fields, reply.body)
        self._over(reply.status, error.code, len(reply.body), reply.body)

    def answer_empty(self) -> None:
        self.exchange.respond(200, self.ids.lines, b"")
        self._over(200, "preflight", 0)

    def on_unforeseen(self, failure: Exception) -> None:
        _LOG.error("a request could not be answered", exc_info=failure, extra={"request_id": self.ids.text})
        if self._call is not None:
            self._scoring.dispatcher.drop(self._call)
        self.refuse(Unforeseen("An unexpected error occurred in the server."))

    def _answer(self, frame: Frame) -> None:
        if self.route.is_azures and frame.flags & Flag.ERROR:
            body: bytes | SharedAnswer = _explained(frame, self.ids.own)
        else:
            body = frame.shared or frame.body
        self.exchange.respond(frame.status, self._fields(frame), body)
        self._note_times(frame)
        self._over(frame.status, _outcome(frame), 0 if frame.status in NO_CONTENT else len(body), body)

    def _begin_stream(self, frame: Frame) -> None:
        """From here on a script that fails can only be shown by a body that stops short."""
        self._note_times(frame)
        if frame.status in NO_CONTENT:
            if self._call is not None:
                self._scoring.dispatcher.drop(self._call)
            self.exchange.respond(frame.status, self._fields(frame), b"")
            self._over(frame.status, _outcome(frame), 0)
            return
        self._status, self._outcome = frame.status, _outcome(frame)
        self.exchange.begin_stream(frame.status, self._fields(frame))

    def _on_chunk(self, frame: Frame) -> None:
        if frame.flags & Flag.ABORTED:
            self._over(self._status, "stream_broken", None)
            self.exchange.cut()
            return
        self.exchange.write_chunk(frame.shared or frame.body)
        if not frame.flags & Flag.MORE:
            self._over(self._status, self._outcome, None)
            self.exchange.end_stream()

    def _fields(self, frame: Frame) -> bytes:
        fields = _script_lines(frame.head) + self.ids.lines
        if not self.route.is_azures:
            return fields
        if not frame.flags & Flag.RUN_FAILED_UNKNOWN:
            fields += _FAILED_LINES[bool(frame.flags & Flag.RUN_FAILED)]
        if frame.flags & Flag.RUN_RETURNED:
            fields += b"x-ms-run-fn-exec-ms: %.3f\r\n" % (frame.run_ns / 1e6)
        return fields

    def _note_times(self, frame: Frame) -> None:
        if self._call is not None:
            self._scoring.note_times(self._call, frame)

    def _over(self, status: int, outcome: str, size: int | None, body: bytes | SharedAnswer = b"") -> None:
        """`body` is the answer, where it did not go out in pieces."""
        if not self._is_over:
            self._is_over, self._call = True, None
            self._scoring.over(self, status, outcome, size)


def _is_form(request: Request) -> bool:
    """A form's body never reaches an undecorated run(): the worker must see the content type to know."""
    content_type = request.fields.get(b"content-type")
    if content_type is None or content_type == b"application/json":
        return False
    return is_form_type(content_type.decode("latin-1"))


@lru_cache(maxsize=256)
def _script_lines(head: bytes) -> bytes:
    """What the script set, without what is not its to set: the front frames the response and owns the ids.

    The worker has refused headers that are none, but a worker runs the user's code and is not trusted with ours.
    """
    return field_lines(
        (name, value)
        for name, value in decode_headers(head)
        if name not in _OURS and _NAME.fullmatch(name) and not _CONTROL.search(value)
    )


_ERROR_CODES = {400: "bad_request", 405: "method_not_allowed", 415: "unsupported_media_type"}


def _outcome(frame: Frame) -> str:
    if frame.flags & Flag.ERROR:
        failed = frame.flags & Flag.RUN_FAILED
        return "script_failed" if failed else _ERROR_CODES.get(frame.status, "unusable_result")
    if frame.status < 400:
        return "ok"
    return "client_error" if frame.status < 500 else "script_error"


def _explained(frame: Frame, request_id: bytes) -> bytes:
    """An error that the worker reports in Azure ML's words, with the code and the request id that only we know."""
    content = json.loads(frame.body)
    return json.dumps(content | {"code": _outcome(frame), "requestId": request_id.decode("latin-1")}).encode()


def is_preflight(method: str, headers: dict[bytes, bytes]) -> bool:
    """Whether a browser asks for permission to call from another origin."""
    return method == "OPTIONS" and b"access-control-request-method" in headers


def _timeout_s(value: bytes) -> float:
    """The client's own deadline, in seconds from now."""
    if not value.isdigit() or not 0 < int(value) < 10**9:
        raise BadRequest("x-request-timeout-ms must be a whole number of milliseconds above 0.")
    return int(value) / 1e3
