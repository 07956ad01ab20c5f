"""Requests for an ASGI application: everything that is not scoring. Small answers, sent whole; bodies are not read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Scope

from plimsoll.server.http.exchange import Exchange
from plimsoll.server.http.head import Fields

OnAnswer = Callable[[Exchange, Scope, int, Fields, bytes], None]
"""Takes the scope, as the application has left it, the status, the fields and the body."""

_LOG = logging.getLogger("plimsoll.server")


class Adapter:
    """Runs `application` in a task for each request, once its `turn` has come; `on_answer` sends what it says.

    `on_gone` hears of a client that has left before: nothing more is done for it.
    """

    def __init__(
        self,
        application: ASGIApp,
        on_answer: OnAnswer,
        on_gone: Callable[[Exchange], None],
        turn: Callable[[Exchange], Awaitable[None]],
    ) -> None:
        self._application = application
        self._on_answer = on_answer
        self._turn = turn
        self._on_gone = on_gone
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._run(exchange))
        exchange.taker = _Waiting(task, lambda: self._on_gone(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, exchange: Exchange) -> None:
        await self._turn(exchange)
        scope = _scope(exchange)
        answer = _Answer()
        try:
            await self._application(scope, answer.receive, answer.send)
        except Exception:  # Starlette has sent a 500 by then, and raises the error again to have it logged
            _LOG.exception("%s could not be answered", scope["path"])
        self._on_answer(exchange, scope, answer.status, answer.fields, b"".join(answer.parts))


class _Waiting:
    """The client, as long as it waits for its answer."""

    def __init__(self, task: asyncio.Task[None], on_gone: Callable[[], None]) -> None:
        self._task = task
        self._on_gone = on_gone

    def on_gone(self) -> None:
        self._task.cancel()
        self._on_gone()

    def has_begun(self) -> bool:
        return True  # too little work to sound the client out for

    def on_pause(self) -> None: ...

    def on_resume(self) -> None: ...


class _Answer:
    """Collects the messages that the ASGI application sends into one answer."""

    def __init__(self) -> None:
        self.status = 500
        self.fields: Fields = []
        self.parts: list[bytes] = []

    async def receive(self) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.fields = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
        else:
            self.parts.append(message.get("body", b""))


def _scope(exchange: Exchange) -> Scope:
    request = exchange.request
    host, _, port = exchange.client.rpartition(":")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.0" if request.is_http_1_0 else "1.1",
        "method": request.method,
        "scheme": exchange.scheme,
        "path": request.path,
        "raw_path": request.target.partition(b"?")[0],
        "query_string": request.query,
        "root_path": "",
        "headers": request.headers,
        "client": (host, int(port)) if host else None,
        "server": None,
        "state": {},
    }
