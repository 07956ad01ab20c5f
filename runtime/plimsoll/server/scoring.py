"""`/score`: reads a request, has a model worker run it, sends what comes back.

Plain ASGI rather than a Starlette endpoint: this path is all that most requests take, and Starlette's routing
and request objects cost as much CPU as the whole echo call.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from functools import lru_cache

from plimsoll.entry.headers import is_form_type
from plimsoll.errors import BadRequest, MethodNotAllowed, RequestError, ScoringTimeout, Unforeseen
from plimsoll.server.access_log import AccessLog
from plimsoll.server.asgi import RawHeaders, Receive, Scope, Send
from plimsoll.server.auth import ApiKeys
from plimsoll.server.body import ClientGone, read_body
from plimsoll.server.metrics import Metrics
from plimsoll.server.replies import CLOSE, RUN_FAILED, error_body, error_headers
from plimsoll.server.tracing import Tracing
from plimsoll.server.whole import NO_CONTENT, respond_whole
from plimsoll.settings import ServeSettings
from plimsoll.workers.buffers import Lease
from plimsoll.workers.frames import Flag, Frame, decode_headers, encode_head
from plimsoll.workers.lifecycle import CallState
from plimsoll.workers.pending import PendingCall
from plimsoll.workers.supervisor import Supervisor

_LOG = logging.getLogger("plimsoll.server")
_METHODS = frozenset({"GET", "POST", "OPTIONS", "HEAD"})
_OURS = frozenset(
    {
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"x-request-id",
        b"x-ms-request-id",
        b"x-ms-client-request-id",
    }
)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TIMEOUT_HEADER = b"x-request-timeout-ms"
_CLIENT_GONE = 499
"""Status in the log and the metrics for an answer that nobody was there to take, as nginx writes it."""


class Scoring:
    """`closing` makes every answer the last of its connection: the server is draining."""

    def __init__(
        self,
        supervisor: Supervisor,
        metrics: Metrics,
        access_log: AccessLog,
        settings: ServeSettings,
        keys: ApiKeys | None,
        tracing: Tracing | None = None,
    ) -> None:
        self._supervisor = supervisor
        self._dispatcher = supervisor.dispatcher
        self._metrics = metrics
        self._access_log = access_log
        self._max_body_bytes = settings.max_body_bytes
        self._timeout_status = settings.timeout_status
        self._keys = keys
        self._tracing = tracing
        self.closing = False

    async def traced(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], ids: RawHeaders
    ) -> None:
        """`score` inside an OpenTelemetry span, where tracing is on."""
        if self._tracing is None:
            await self.score(scope, receive, send, headers, ids)
            return
        with self._tracing.request(scope["method"], ids[0][1].decode("latin-1"), headers) as span:
            self._tracing.finish(span, *await self.score(scope, receive, send, headers, ids))

    async def score(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], ids: RawHeaders
    ) -> tuple[int, str]:
        """`headers`: the last value of each header of the request; `ids`: the id headers of the answer."""
        started_at = time.monotonic()
        try:
            status, outcome, size = await self._answer(scope, receive, send, headers, ids)
        except RequestError as error:
            status, outcome = self._status(error), error.code
            size = await self._refuse(scope, status, error, ids)
        except ClientGone:
            status, outcome, size = _CLIENT_GONE, "client_gone", 0
        except Exception:
            _LOG.exception("a request could not be answered", extra={"request_id": ids[0][1].decode("latin-1")})
            unforeseen = Unforeseen("An unexpected error occurred in the server.")
            status, outcome = unforeseen.status, unforeseen.code
            size = await self._refuse(scope, status, unforeseen, ids)
        took_s = time.monotonic() - started_at
        self._metrics.requests.add(outcome, status)
        self._metrics.request_time.observe(took_s)
        request_id = ids[0][1].decode("latin-1")
        self._access_log.write(request_id, scope["method"], _target(scope).decode("latin-1"), status, took_s, size)
        return status, outcome

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], ids: RawHeaders
    ) -> tuple[int, str, int | None]:
        if scope["method"] not in _METHODS:
            raise MethodNotAllowed("The method is not allowed for the requested URL.")
        if self._keys is not None:
            if is_preflight(scope["method"], headers):  # a browser sends no key with it, and the script is not asked
                await respond_whole(scope, 200, ids, b"", self.closing)
                return 200, "preflight", 0
            self._keys.check(headers)
        timeout_s = _timeout_s(headers)
        body = await read_body(headers, receive, self._max_body_bytes, self._supervisor.bodies)
        call = self._submitted(self._head(scope, headers), body, timeout_s, ids[0][1])
        frame = _copied(await self._result(call, receive))
        self._metrics.queue_wait.observe(call.started_at - call.queued_at)
        if frame.flags & Flag.RUN_RETURNED:
            self._metrics.run_time.observe(frame.run_ns / 1e9)
        outcome = _outcome(frame)
        if call.chunks is not None and frame.status in NO_CONTENT:
            self._dispatcher.drop(call)
        elif call.chunks is not None:
            return frame.status, await self._stream(send, receive, call, frame, ids) or outcome, None
        return frame.status, outcome, await self._whole(scope, frame, ids)

    def _submitted(self, head: bytes, body: bytes | Lease, timeout_s: float | None, request_id: bytes) -> PendingCall:
        try:
            return self._dispatcher.submit(head, body, timeout_s, request_id)
        except RequestError:
            if isinstance(body, Lease):
                body.release()
            raise

    async def _whole(self, scope: Scope, frame: Frame, ids: RawHeaders) -> int:
        """Answers at once; returns the size of the body."""
        body = _explained(frame, ids[0][1]) if frame.flags & Flag.ERROR else frame.body
        await respond_whole(scope, frame.status, self._headers(frame, ids), body, self.closing)
        return 0 if frame.status in NO_CONTENT else len(body)

    async def _result(self, call: PendingCall, receive: Receive) -> Frame:
        """The call's answer; a client that leaves meanwhile takes the call with it."""
        watcher: list[asyncio.Task[None]] = []
        call.watch = lambda: watcher.append(asyncio.ensure_future(self._drop_if_gone(call, receive)))
        try:
            return await call.answer
        except asyncio.CancelledError:
            if call.state is CallState.DROPPED:
                raise ClientGone from None
            self._dispatcher.drop(call)
            raise
        finally:
            call.watch = None
            for task in watcher:
                task.cancel()

    async def _drop_if_gone(self, call: PendingCall, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._dispatcher.drop(call)

    def _head(self, scope: Scope, headers: dict[bytes, bytes]) -> bytes:
        """Empty for what most scripts take: a POST whose headers they do not look at."""
        if scope["method"] == "POST" and not self._supervisor.features.needs_head and not _is_form(headers):
            return b""
        host, port = scope.get("client") or ("", 0)
        client = f"{host}:{port}" if host else ""
        return encode_head(scope["method"], _target(scope), scope["scheme"], client, scope["headers"])

    def _headers(self, frame: Frame, ids: RawHeaders) -> RawHeaders:
        headers = [*_script_headers(frame.head), *ids]
        if not frame.flags & Flag.RUN_FAILED_UNKNOWN:
            headers.append(RUN_FAILED[bool(frame.flags & Flag.RUN_FAILED)])
        if frame.flags & Flag.RUN_RETURNED:
            headers.append((b"x-ms-run-fn-exec-ms", b"%.3f" % (frame.run_ns / 1e6)))
        return headers

    async def _stream(
        self, send: Send, receive: Receive, call: PendingCall, frame: Frame, ids: RawHeaders
    ) -> str | None:
        """Sends chunks as they come. A script that fails now can only be shown by a body that stops short.

        Returns the outcome where it is another than the head of the answer promised.
        """
        watcher = asyncio.ensure_future(self._drop_if_gone(call, receive))
        try:
            headers = self._headers(frame, ids)
            if self.closing:
                headers.append(CLOSE)
            await send({"type": "http.response.start", "status": frame.status, "headers": headers})
            return await self._send_chunks(send, call, watcher)
        finally:
            watcher.cancel()
            if call.state is CallState.RUNNING:
                self._dispatcher.drop(call)

    async def _send_chunks(self, send: Send, call: PendingCall, watcher: asyncio.Task[None]) -> str | None:
        while True:
            chunk = await self._dispatcher.next_chunk(call)
            if watcher.done():
                return "client_gone"
            if chunk.flags & Flag.ABORTED:
                return "stream_broken"
            more = bool(chunk.flags & Flag.MORE)
            await send({"type": "http.response.body", "body": chunk.body, "more_body": more})
            if not more:
                return None

    def _status(self, error: RequestError) -> int:
        return self._timeout_status if isinstance(error, ScoringTimeout) else error.status

    async def _refuse(self, scope: Scope, status: int, error: RequestError, ids: RawHeaders) -> int:
        body = error_body(error, ids[0][1])
        headers = error_headers(error, [] if isinstance(error, MethodNotAllowed) else ids)
        if error.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        # After a 413 the rest of the body is not worth reading.
        await respond_whole(scope, status, headers, body, self.closing or error.status == 413)
        return len(body)


def _copied(frame: Frame) -> Frame:
    """With its body in `body`, wherever it came."""
    if frame.shared is not None:
        frame.body = bytes(frame.shared.view)
        frame.shared.release()
    return frame


def _target(scope: Scope) -> bytes:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + b"?" + query if query else path


def _is_form(headers: dict[bytes, bytes]) -> bool:
    """A form's body never reaches an undecorated run(): the worker must see the content type to know."""
    return is_form_type(headers.get(b"content-type", b"").decode("latin-1"))


@lru_cache(maxsize=256)
def _script_headers(head: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """What the script set, without what is not its to set: the front frames the response and owns the ids.

    The worker has refused headers that are none, but a worker runs the user's code and is not trusted with ours.
    """
    return tuple(
        (name, value)
        for name, value in decode_headers(head)
        if name not in _OURS and _NAME.fullmatch(name) and not _CONTROL.search(value)
    )


_ERROR_CODES = {400: "bad_request", 405: "method_not_allowed", 415: "unsupported_media_type"}


def _outcome(frame: Frame) -> str:
    if frame.flags & Flag.ERROR:
        failed = "script_failed" if frame.flags & Flag.RUN_FAILED else "unusable_result"
        return _ERROR_CODES.get(frame.status, failed)
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


def _timeout_s(headers: dict[bytes, bytes]) -> float | None:
    """The client's own deadline, in seconds from now."""
    value = headers.get(_TIMEOUT_HEADER)
    if value is None:
        return None
    if not value.isdigit() or not 0 < int(value) < 10**9:
        raise BadRequest("x-request-timeout-ms must be a whole number of milliseconds above 0.")
    return int(value) / 1e3
