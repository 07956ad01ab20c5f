"""Replaces workers that have served long enough or grown too big: the cure for a leak that nobody finds."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from plimsoll.host.memory import resident_bytes
from plimsoll.host.procfs import read_mapped
from plimsoll.workers.lifecycle import WorkerState
from plimsoll.workers.process import WorkerProcess
from plimsoll.workers.shared.memory import NAME as BODIES
from plimsoll.workers.supervisor import Supervisor

_LOG = logging.getLogger("plimsoll.workers")
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class RecycleLimits:
    """Per worker: calls answered, bytes resident; None is no limit."""

    max_requests: int | None
    max_memory_bytes: float | None


class Recycler:
    """Looks twice a second; a successor is ready before a worker goes."""

    def __init__(self, supervisor: Supervisor, limits: RecycleLimits) -> None:
        self._supervisor = supervisor
        self._limits = limits

    async def run(self) -> None:
        """Looks at the workers again and again until it is cancelled."""
        if self._limits.max_requests is None and self._limits.max_memory_bytes is None:
            return
        while True:
            await asyncio.sleep(_LOOK_S)
            for worker in self._supervisor.workers:
                if worker.state is WorkerState.READY and (reason := self._worn(worker)):
                    _LOG.info("%s is replaced: %s", worker.name, reason)
                    await self._supervisor.renew(worker, reason)

    def _worn(self, worker: WorkerProcess) -> str | None:
        limits = self._limits
        if limits.max_requests is not None and sum(slot.answered for slot in worker.slots) >= limits.max_requests:
            return "max_requests"
        if limits.max_memory_bytes is not None and _is_over(worker.pid, limits.max_memory_bytes):
            return "max_memory"
        return None


def _is_over(pid: int, limit_bytes: float) -> bool:
    """What it has mapped of the bodies of requests and answers is the front's memory, and no leak."""
    resident = resident_bytes(pid)
    return resident >= limit_bytes and resident - read_mapped(pid, BODIES) >= limit_bytes
