"""The gunicorn worker that the front is: uvicorn's, with an ordered end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from types import FrameType
from typing import Any, ClassVar

from gunicorn.arbiter import Arbiter
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from plimsoll.host.family.household import Household
from plimsoll.host.family.marks import mark_of, put_on
from plimsoll.host.parent import adopt_orphans, die_with
from plimsoll.server.app import Front
from plimsoll.server.protocol import ConnectionLimits, LimitedProtocol
from plimsoll.server.refusals import Refusals


class DrainingServer(Server):
    """SIGTERM: first readiness says no, then, `drain_s` later, the listening sockets close and calls finish.

    SIGINT and SIGQUIT (what gunicorn makes of its own SIGINT), or a second SIGTERM, skip the wait; one more
    cuts off the calls under way.
    """

    drain_s: float = 0.0
    front: Front

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        patient = sig == signal.SIGTERM and not self.front.draining
        self.front.drain()
        if patient and self.drain_s:
            asyncio.get_running_loop().call_later(self.drain_s, self.stop)
        else:
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self.stop()

    def stop(self) -> None:
        self.should_exit = True


class FrontWorker(UvicornWorker):  # type: ignore[misc]
    """Set `DRAIN_S`, in seconds, by subclassing; gunicorn passes no arguments of ours."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "httptools",
        "lifespan": "on",
        "server_header": False,
        "access_log": False,
        "ws": "none",
        "proxy_headers": False,
    }
    DRAIN_S = 0.0

    def init_process(self) -> None:
        die_with(self.ppid)  # uvicorn's worker would go on serving without its master
        adopt_orphans()
        if (server := mark_of(0)) is not None:
            put_on(replace(server, front=self.age))
        super().init_process()

    async def _serve(self) -> None:
        front: Front = self.wsgi
        self.config.app = front
        self.config.http = _protocol(front)
        server = DrainingServer(config=self.config)
        server.drain_s, server.front = self.DRAIN_S, front
        front.on_fatal = server.stop
        asyncio.get_running_loop().add_signal_handler(signal.SIGQUIT, server.handle_exit, signal.SIGQUIT, None)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, front.reload)
        await server.serve(sockets=self.sockets)
        if front.fatal is not None:
            front.streams.stderr.write(f"plimsoll: error: {front.fatal}\n")
            sys.exit(front.fatal.exit_code)


def _protocol(front: Front) -> type[LimitedProtocol]:
    settings = front.settings
    limits = ConnectionLimits(
        head_timeout_s=settings.head_timeout,
        body_timeout_s=settings.body_timeout,
        min_body_bytes_per_s=settings.min_body_rate,
        max_head_bytes=settings.max_head_bytes,
        max_connections=settings.max_connections,
    )
    return type("Protocol", (LimitedProtocol,), {"limits": limits, "refusals": Refusals(front.metrics.requests)})


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
