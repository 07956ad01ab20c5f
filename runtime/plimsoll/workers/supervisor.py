"""Keeps N model workers alive: starts them, replaces the dead, ends the stuck, stops them all.

A worker that cannot load its script the first time ends the program (exit code 3): retrying a broken
script for ever hides it. One that fails later is started again, ever more slowly while it goes on failing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from plimsoll.errors import Draining, EntryError, NotReady, WorkerDied
from plimsoll.workers.dispatcher import Dispatcher
from plimsoll.workers.lifecycle import WorkerEvent, WorkerState
from plimsoll.workers.output import LineSink
from plimsoll.workers.process import WorkerProcess
from plimsoll.workers.slot import Slot
from plimsoll.workers.spec import PoolSpec

_LOG = logging.getLogger("plimsoll.workers")
_DUMP_S = 0.3
"""Time that a stuck worker gets to write its stacks before it is killed."""
_HEALTHY_AFTER_S = 10.0
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 10.0


class Supervisor:
    """`on_fatal` is called once if the script cannot be started; `on_restart` with a reason per replacement."""

    def __init__(
        self,
        spec: PoolSpec,
        sink: LineSink,
        on_fatal: Callable[[EntryError], None],
        on_restart: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._sink = sink
        self._on_fatal = on_fatal
        self._on_restart = on_restart
        self._loop = asyncio.get_running_loop()
        self._workers: dict[int, WorkerProcess] = {}
        self._failures = [0] * spec.workers
        self._loaded_once = False
        self._stopping = False
        self._all_dead = asyncio.Event()
        self._stuck_pids: set[int] = set()
        self._last_trouble = ""
        self.needs_head = True
        """Whether the script looks at headers; known once a worker has loaded it."""
        self.dispatcher = Dispatcher(spec.limits, self)

    def start(self) -> None:
        for index in range(self._spec.workers):
            self._start(index)

    @property
    def workers(self) -> list[WorkerProcess]:
        return [self._workers[index] for index in sorted(self._workers)]

    def unready_reason(self) -> str | None:
        """Why no call can be run now; None when one can."""
        if any(worker.state is WorkerState.READY for worker in self._workers.values()):
            return None
        if self._last_trouble:
            return self._last_trouble
        return "the model is loading"

    async def stop(self) -> None:
        """Ends every worker: those that do not end by themselves within the grace period are killed."""
        self._stopping = True
        self.dispatcher.fail_queued(Draining("The server is shutting down."))
        for worker in self.workers:
            loading = worker.state in (WorkerState.STARTING, WorkerState.LOADING)
            worker.stop()
            if loading:
                worker.kill()
        if self._workers:
            await self._wait_all_dead()

    def on_loaded(self, worker: WorkerProcess) -> None:
        self._loaded_once = True
        self._last_trouble = ""
        self.needs_head = worker.needs_head
        self.dispatcher.refusal = None
        _LOG.info("%s is ready after %.2f s", worker.name, time.monotonic() - worker.started_at)
        for slot in worker.slots:
            self.dispatcher.add(slot)

    def on_stuck(self, slot: Slot) -> None:
        """Calls in the worker's other threads are innocent: they may finish, within the grace period."""
        worker = self._workers[slot.worker_index]
        first = worker.state is not WorkerState.DOOMED
        worker.note(WorkerEvent.CALL_STUCK)
        if not first:
            return
        _LOG.error("%s: a call passed the scoring timeout; its stacks follow, then it is replaced", worker.name)
        self._stuck_pids.add(worker.pid)
        self._last_trouble = f"worker-{worker.index} is replaced: a call passed the scoring timeout"
        worker.dump_stacks()
        for sibling in worker.slots:
            self.dispatcher.retire(sibling)
        self._loop.call_later(self._spec.grace_s, self._kill_if_alive, worker)
        self._kill_if_idle(worker)

    def on_idle(self, slot: Slot) -> None:
        worker = self._workers.get(slot.worker_index)
        if worker is not None and worker.state is WorkerState.DOOMED:
            self._kill_if_idle(worker)

    def on_exit(self, worker: WorkerProcess) -> None:
        del self._workers[worker.index]
        self._end_slots(worker)
        if self._stopping:
            if not self._workers:
                self._all_dead.set()
        elif not self._loaded_once and worker.ready_at is None:
            self._on_fatal(self._start_failure(worker))
        else:
            self._replace(worker)

    def _start(self, index: int) -> None:
        if not self._stopping:
            self._workers[index] = WorkerProcess(index, self._spec, self, self._sink)

    def _end_slots(self, worker: WorkerProcess) -> None:
        message = f"The model worker that ran this request {worker.ending()}."
        for slot in worker.slots:
            if slot in self.dispatcher.slots:
                self.dispatcher.remove(slot, WorkerDied(message))
            else:
                slot.close()

    def _start_failure(self, worker: WorkerProcess) -> EntryError:
        if worker.load_error is not None:
            return EntryError(worker.load_error)
        hint = "out of memory, perhaps" if worker.exit_status == -9 else ""
        return EntryError(f"the worker {worker.ending()} while it loaded {self._spec.entry.entry_script}", remedy=hint)

    def _replace(self, worker: WorkerProcess) -> None:
        delay_s = self._backoff_s(worker)
        reason = self._restart_reason(worker)
        self._on_restart(reason)
        self._last_trouble = f"worker-{worker.index} {worker.load_error or worker.ending()}; it is started again"
        log = _LOG.info if reason == "scoring_timeout" else _LOG.error
        log("%s %s; a new one starts%s", worker.name, worker.ending(), f" in {delay_s:.1f} s" if delay_s else "")
        if delay_s and not self._workers:
            self.dispatcher.refusal = f"No model worker is ready: {self._last_trouble} in {delay_s:.1f} s."
            self.dispatcher.fail_queued(NotReady(self.dispatcher.refusal, retry_after_s=5))
        self._loop.call_later(delay_s, self._start, worker.index)

    def _backoff_s(self, worker: WorkerProcess) -> float:
        """None for the first failure after a healthy time, then doubling."""
        lived_s = 0.0 if worker.ready_at is None else time.monotonic() - worker.ready_at
        if lived_s >= _HEALTHY_AFTER_S:
            self._failures[worker.index] = 0
        self._failures[worker.index] += 1
        count = self._failures[worker.index]
        if worker.ready_at is not None and count <= 3:
            return 0.0
        return float(min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** (count - 1)))

    def _restart_reason(self, worker: WorkerProcess) -> str:
        if worker.pid in self._stuck_pids:
            self._stuck_pids.discard(worker.pid)
            return "scoring_timeout"
        if worker.ready_at is None:
            return "start_failed"
        return "signal" if (worker.exit_status or 0) < 0 else "exit"

    def _kill_if_idle(self, worker: WorkerProcess) -> None:
        if not any(slot.outstanding for slot in worker.slots):
            self._loop.call_later(_DUMP_S, self._kill_if_alive, worker)

    def _kill_if_alive(self, worker: WorkerProcess) -> None:
        if worker.exit_status is None:
            worker.kill()

    async def _wait_all_dead(self) -> None:
        try:
            async with asyncio.timeout(self._spec.grace_s):
                await self._all_dead.wait()
        except TimeoutError:
            for worker in self.workers:
                _LOG.warning("%s did not end within the grace period and is killed", worker.name)
                worker.kill()
            await self._all_dead.wait()
