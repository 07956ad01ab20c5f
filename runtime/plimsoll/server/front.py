"""The gunicorn worker that the front is: an event loop with the listeners, an ordered start and an ordered end."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from dataclasses import replace

import uvloop
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from plimsoll.host.family.household import Household
from plimsoll.host.family.marks import mark_of, put_on
from plimsoll.host.parent import adopt_orphans, die_with
from plimsoll.server.app import Front

_HEARTBEAT_S = 1.0


class FrontWorker(Worker):  # type: ignore[misc]
    """Serves gunicorn's listeners until it is told to stop.

    SIGTERM: first readiness says no, then, `--drain-seconds` later, the listening sockets close and calls finish.
    SIGINT and SIGQUIT (what gunicorn makes of its own SIGINT), or a second SIGTERM, skip the wait; one more SIGINT
    cuts off the calls under way.
    """

    wsgi: Front

    def init_process(self) -> None:
        die_with(self.ppid)
        adopt_orphans()
        if (server := mark_of(0)) is not None:
            put_on(replace(server, front=self.age))
        super().init_process()

    def init_signals(self) -> None:
        """The event loop takes the signals that end or renew; gunicorn's own handlers would raise in its middle."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.siginterrupt(signal.SIGUSR1, False)

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())
        front = self.wsgi
        if front.fatal is not None:
            front.streams.stderr.write(f"plimsoll: error: {front.fatal}\n")
            sys.exit(front.fatal.exit_code)

    async def _serve(self) -> None:
        front, loop = self.wsgi, asyncio.get_running_loop()
        self._stopping, self._patience_over = asyncio.Event(), asyncio.Event()
        front.on_fatal = self._stopping.set
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._on_stop, number)
        loop.add_signal_handler(signal.SIGHUP, front.reload)
        heart = loop.create_task(self._beat())
        async with front.running():
            if front.fatal is None:
                await self._serve_connections(front)
        heart.cancel()

    async def _serve_connections(self, front: Front) -> None:
        servers = [await self._listen(listener.sock) for listener in self.sockets]
        await self._stopping.wait()
        front.drain()
        for server in servers:
            server.close()
        front.connections.shut_down()
        await self._finish(front)

    async def _listen(self, sock: object) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        backlog = self.cfg.settings["backlog"].value
        return await loop.create_server(self.wsgi.connections.accept, sock=sock, backlog=backlog, ssl=self._tls())  # type: ignore[call-overload, no-any-return]

    async def _finish(self, front: Front) -> None:
        """Until the last answer is out, or nobody wants to wait for it."""
        closed = asyncio.ensure_future(front.connections.closed())
        over = asyncio.ensure_future(self._patience_over.wait())
        await asyncio.wait((closed, over), return_when=asyncio.FIRST_COMPLETED)
        front.connections.abort()
        for one in (closed, over):
            one.cancel()

    def _on_stop(self, number: int) -> None:
        front = self.wsgi
        patient = number == signal.SIGTERM and not front.draining
        if self._stopping.is_set() and number == signal.SIGINT:
            self._patience_over.set()
        front.drain()
        if patient and front.settings.drain_seconds:
            asyncio.get_running_loop().call_later(front.settings.drain_seconds, self._stopping.set)
        else:
            self._stopping.set()

    async def _beat(self) -> None:
        """gunicorn's master ends a worker whose heart it does not hear."""
        while True:
            self.notify()
            await asyncio.sleep(_HEARTBEAT_S)

    def _tls(self) -> ssl.SSLContext | None:
        settings = self.wsgi.settings
        if not settings.tls_cert:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
        return context


class FrontArbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's master. On SIGHUP the front stays and replaces its workers one by one: no connection is lost."""

    def run(self) -> None:
        self.household = Household()
        own_pid = os.getpid()
        try:
            super().run()
        finally:
            if os.getpid() == own_pid:  # a front, forked inside run(), comes through here as well
                self.household.end()

    def murder_workers(self) -> None:
        """Called at every signal, and once a second."""
        super().murder_workers()
        self.household.look([worker.age for worker in self.WORKERS.values()], self.worker_age)

    def handle_hup(self) -> None:
        self.kill_workers(signal.SIGHUP)
