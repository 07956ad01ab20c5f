"""Requests for an ASGI application: everything that is not scoring. Small answers, sent whole; bodies are not read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Scope

from plimsoll.server.http.exchange import Exchange
from plimsoll.server.http.head import Fields

OnAnswer = Callable[[Exchange, Scope, int, Fields, bytes], None]
"""Takes the scope, as the application has left it, the status, the fields and the body."""

_LOG = logging.getLogger("plimsoll.server")


class Adapter:
    """Runs `application` in a task for each request; `on_answer` sends what it says."""

    def __init__(self, application: ASGIApp, on_answer: OnAnswer) -> None:
        self._application = application
        self._on_answer = on_answer
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._run(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, exchange: Exchange) -> None:
        scope = _scope(exchange)
        answer = _Answer()
        try:
            await self._application(scope, answer.receive, answer.send)
        except Exception:  # Starlette has sent a 500 by then, and raises the error again to have it logged
            _LOG.exception("%s could not be answered", scope["path"])
        self._on_answer(exchange, scope, answer.status, answer.fields, b"".join(answer.parts))


class _Answer:
    """What the application sends."""

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
