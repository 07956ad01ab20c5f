"""The front of a server: its workers first, then what speaks HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from plimsoll.errors import EntryError
from plimsoll.server.gpu.health import GpuHealth
from plimsoll.server.gpu.selection import GpuPlan
from plimsoll.server.logs.lines import LogStreams, script_line
from plimsoll.server.metrics.counters import Metrics
from plimsoll.settings.serving import ServeSettings
from plimsoll.workers.recycling import RecycleLimits, Recycler
from plimsoll.workers.spec import PoolSpec
from plimsoll.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from plimsoll.server.http.connections import Connections


class Front:
    """`fatal` is set once the script proves unable to start; `on_fatal` then ends the server."""

    def __init__(self, settings: ServeSettings, pool: PoolSpec, gpus: GpuPlan, streams: LogStreams) -> None:
        self.settings = settings
        self.streams = streams
        self._gpus = GpuHealth(gpus) if gpus.gpus else None
        self._metrics = Metrics()
        self._pool = pool
        self._supervisor: Supervisor | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.draining = False
        self.fatal: EntryError | None = None
        self.on_fatal: Callable[[], None] = lambda: None

    connections: Connections
    """Exists only inside `running`."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Workers are started on the way in and stopped on the way out; it can be served in between, unless `fatal`."""
        self.streams.start()
        supervisor = self._supervisor = await self._supervise()
        if supervisor is None:
            yield
            self.streams.close()
            return
        supervisor.start()
        from plimsoll.server.reception import Reception  # while the workers load: see there

        streams, metrics = self.streams, self._metrics
        reception = Reception(self.settings, supervisor, metrics, streams, self._gpus, lambda: self.draining)
        self.connections = reception.connections
        self._in_background(Recycler(supervisor, self._recycle_limits()).run())
        yield
        for task in self._background:
            task.cancel()
        await supervisor.stop()
        reception.close()
        self.streams.close()

    async def _supervise(self) -> Supervisor | None:
        """None where there is no memory for what it needs, which is `fatal`."""
        if self._gpus is not None:
            await self._gpus.start()
        check = self._gpus.check if self._gpus is not None else None
        try:
            return Supervisor(self._pool, script_line, self._on_fatal, self._metrics, check)
        except EntryError as error:
            self._on_fatal(error)
            return None

    def drain(self) -> None:
        """Readiness says no, and connections end with their next answer; requests are still served."""
        self.draining = True
        if self._supervisor is not None and self.fatal is None:
            self.connections.draining = True

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
