"""A bare ASGI application: what Plimsoll's cost is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.served import work

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class App:
    def __init__(self) -> None:
        self._model: work.Model | None = None
        self._pool = ThreadPoolExecutor(work.slots()) if work.slots() > 1 else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"] == "/health":
            await _answer(send, b"")
        else:
            await self._score(await _body(receive), send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._model = work.load_from_bytes()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _score(self, body: bytes, send: Send) -> None:
        assert self._model
        if self._pool:
            value = await asyncio.get_running_loop().run_in_executor(self._pool, self._model, body)
        else:
            value = self._model(body)
        if work.workload_name() == "stream":
            await _stream(value, send)
        else:
            await _answer(send, work.encoded(value))


async def _body(receive: Receive) -> bytes:
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(chunks: Any, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


app = App()
