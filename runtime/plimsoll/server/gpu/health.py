"""The GPUs while the server runs: read when a probe or a scrape asks, and once for each worker that becomes ready.

The driver is asked in a thread of its own: one that hangs keeps neither probes nor calls waiting. A GPU that was
lost once stays lost for us, since its workers must be started anew on a machine that has it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from plimsoll.backends.placement import Placement
from plimsoll.host.gpu.nvml import Gpu, GpuReading, Nvml, NvmlMissing
from plimsoll.host.processes import ProcessTree
from plimsoll.server.gpu.proof import fallback, proof
from plimsoll.server.gpu.selection import GpuPlan
from plimsoll.workers.gpu_shares import gpu_of
from plimsoll.workers.process import WorkerProcess

_LOG = logging.getLogger("plimsoll.server")
_FRESH_S = 0.5
_PATIENCE_S = 0.4
"""How long probes wait for one reading, then they take what was read last: Kubernetes gives up a probe after 1 s."""
_START_PATIENCE_S = 20.0

Result = TypeVar("Result")


class GpuHealth:
    """`readings` by UUID: what was read last; of a GPU that was lost, that it is."""

    def __init__(self, plan: GpuPlan) -> None:
        self.gpus = plan.gpus
        self.readings: dict[str, GpuReading] = {}
        self._required = plan.mode == "required"
        self._before: dict[str, GpuReading] = {}
        self._nvml: Nvml | None = None
        self._opening = threading.Lock()
        self._asked_at = self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """To be awaited before any worker is started: what a GPU holds then is not ours."""
        await self.refresh(_START_PATIENCE_S)
        self._before = self.readings

    async def refresh(self, patience_s: float = _PATIENCE_S) -> None:
        """Reads anew unless that was just done."""
        now = time.monotonic()
        if self._reading is None and now - self._read_at > _FRESH_S:
            self._asked_at = now
            self._reading = asyncio.get_running_loop().create_task(self._update())
        if self._reading is not None and now < self._asked_at + patience_s:
            await asyncio.wait([self._reading], timeout=self._asked_at + patience_s - now)

    def lost(self) -> str | None:
        """Why the server is not ready; None while all GPUs are there."""
        gone = [f"GPU {gpu.index} ({gpu.uuid}) is lost" for gpu in self.gpus if self._is_lost(gpu)]
        return "; ".join(gone) or None

    async def check(self, worker: WorkerProcess, found: Sequence[Placement]) -> str | None:
        """Why the worker must not serve: a GPU is required, and it computes on the CPU. Else that is a warning."""
        trouble = fallback(found)
        gpu = gpu_of(worker.index, self.gpus)
        if trouble is None:
            seen = proof(self._before.get(gpu.uuid), await self._read_now(gpu), _family(worker.pid))
            if seen is None:
                _LOG.warning("%s: whether it uses GPU %d cannot be determined here", worker.name, gpu.index)
            elif not seen:
                trouble = (
                    f"it holds no memory on GPU {gpu.index} after loading"
                    " (if the model is loaded by the first call, give --warmup)"
                )
        if trouble is None:
            _LOG.info("%s uses GPU %d: %s", worker.name, gpu.index, _evidence(found))
        elif not self._required:
            _LOG.warning("%s computes on the CPU although there is a GPU: %s", worker.name, trouble)
        return f"--gpu required, but the script fell back to the CPU: {trouble}" if trouble and self._required else None

    def _is_lost(self, gpu: Gpu) -> bool:
        reading = self.readings.get(gpu.uuid)
        return reading is not None and reading.lost

    async def _read_now(self, gpu: Gpu) -> GpuReading:
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(_in_thread(lambda: self._read_one(gpu)), _START_PATIENCE_S)
        return GpuReading()

    async def _update(self) -> None:
        try:
            self._take(await _in_thread(lambda: {gpu.uuid: self._read_one(gpu) for gpu in self.gpus}))
        finally:
            self._read_at = time.monotonic()
            self._reading = None

    def _take(self, fresh: dict[str, GpuReading]) -> None:
        for gpu in self.gpus:
            if self._is_lost(gpu):
                fresh[gpu.uuid] = self.readings[gpu.uuid]
            elif fresh[gpu.uuid].lost:
                _LOG.error("GPU %d (%s) is lost: the server is not ready any more", gpu.index, gpu.uuid)
        self.readings = fresh

    def _read_one(self, gpu: Gpu) -> GpuReading:
        """Runs on a thread, because a driver may hang."""
        with self._opening:
            if self._nvml is None:
                try:
                    self._nvml = Nvml.open()
                except NvmlMissing as missing:  # it was there when the server was started
                    _LOG.warning("GPU %d cannot be read: %s", gpu.index, missing)
                    return GpuReading()
        return self._nvml.read(gpu)


def _family(pid: int) -> set[int]:
    return {pid, *(process.pid for process in ProcessTree(pid).members())}


def _evidence(found: Sequence[Placement]) -> str:
    return "; ".join(f"{one.framework}: {one.detail}" for one in found if one.on_gpu) or "it holds memory there"


async def _in_thread(work: Callable[[], Result]) -> Result:
    """A daemon thread: a call that never returns must not keep the server from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def run() -> None:
        result = work()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(_resolve, future, result)

    threading.Thread(target=run, name="nvml", daemon=True).start()
    return await future


def _resolve(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)
