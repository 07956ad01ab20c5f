"""A front at work: an event loop with the listeners, an ordered start and an ordered end."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Sequence

import uvloop

from plimsoll.server.front.front import Front
from plimsoll.server.http.handshakes import LAST_HANDSHAKES_S, ends_here, stop_handshakes

_HEARTBEAT_S = 1.0


class Serving:
    """SIGTERM: first readiness says no, then, `--drain-seconds` later, the listening sockets close and calls finish.
    SIGINT and SIGQUIT (what gunicorn makes of its own SIGINT), or a second SIGTERM, skip the wait; one more SIGINT
    cuts off the calls under way.

    `beat` is called once a second: gunicorn's master ends a worker whose heart it does not hear.
    """

    def __init__(
        self, front: Front, listeners: Sequence[socket.socket], backlog: int, beat: Callable[[], None]
    ) -> None:
        self._front = front
        self._listeners = listeners
        self._backlog = backlog
        self._beat = beat

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())
        front = self._front
        if front.fatal is not None:
            front.streams.stderr.write(f"plimsoll: error: {front.fatal}\n")
            sys.exit(front.fatal.exit_code)

    async def _serve(self) -> None:
        front, loop = self._front, asyncio.get_running_loop()
        self._stopping, self._patience_over = asyncio.Event(), asyncio.Event()
        front.on_fatal = self._stopping.set
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._on_stop, number)
        loop.add_signal_handler(signal.SIGHUP, front.reload)
        heart = loop.create_task(self._beat_on())
        async with front.running():
            if front.fatal is None:
                await self._serve_connections(front)
        heart.cancel()

    async def _serve_connections(self, front: Front) -> None:
        servers = [await self._listen(listener) for listener in self._listeners]
        await self._stopping.wait()
        front.drain()
        await self._finish_handshakes()
        for server in servers:
            server.close()
        front.connections.shut_down()
        await self._finish(front)

    async def _finish_handshakes(self) -> None:
        """Where the port closes for good. With TLS those that end in this time are not heard, as they were before."""
        ending = [listener for listener in self._listeners if ends_here(listener)]
        for listener in ending:
            stop_handshakes(listener)
        if ending:
            self._front.connections.ending = True
            await asyncio.sleep(LAST_HANDSHAKES_S)

    async def _listen(self, sock: socket.socket) -> asyncio.Server:
        loop, accept = asyncio.get_running_loop(), self._front.connections.accept
        return await loop.create_server(accept, sock=sock, backlog=self._backlog, ssl=self._tls())

    async def _finish(self, front: Front) -> None:
        """Until the last answer is out, or nobody wants to wait for it."""
        closed = asyncio.ensure_future(front.connections.closed())
        over = asyncio.ensure_future(self._patience_over.wait())
        await asyncio.wait((closed, over), return_when=asyncio.FIRST_COMPLETED)
        front.connections.abort()
        for one in (closed, over):
            one.cancel()

    def _on_stop(self, number: int) -> None:
        front = self._front
        patient = number == signal.SIGTERM and not front.draining
        if self._stopping.is_set() and number == signal.SIGINT:
            self._patience_over.set()
        front.drain()
        if patient and front.settings.drain_seconds:
            asyncio.get_running_loop().call_later(front.settings.drain_seconds, self._stopping.set)
        else:
            self._stopping.set()

    async def _beat_on(self) -> None:
        while True:
            self._beat()
            await asyncio.sleep(_HEARTBEAT_S)

    def _tls(self) -> ssl.SSLContext | None:
        settings = self._front.settings
        if not settings.tls_cert:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
        return context
