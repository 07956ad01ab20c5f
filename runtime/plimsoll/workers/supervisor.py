"""Keeps N model workers alive: starts them, replaces the dead and the worn, ends the stuck, stops them all.

A worker that cannot load its script the first time ends the program (exit code 3): retrying a broken script for
ever hides it. One that fails later is started again, ever more slowly while it goes on failing. A worker that is
replaced while it lives goes on working until its successor is ready.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from plimsoll.errors import Draining, EntryError, InternalError, NotReady, WorkerDied
from plimsoll.workers.backoff import Backoff
from plimsoll.workers.dispatch.dispatcher import Dispatcher
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.families import Families
from plimsoll.workers.features import Features
from plimsoll.workers.lifecycle import WorkerEvent, WorkerState
from plimsoll.workers.memory_limit import MemoryLimit
from plimsoll.workers.output import LineSink
from plimsoll.workers.process import WorkerProcess
from plimsoll.workers.shared.buffers import BufferPool
from plimsoll.workers.spec import PoolSpec
from plimsoll.workers.warmup import Check, WarmUp

_LOG = logging.getLogger("plimsoll.workers")
_DUMP_S = 0.3
"""Time that a stuck worker gets to write its stacks before it is killed."""
_RETRY_S = 0.5
_FAMILY_PATIENCE_S = 5.0
"""How long processes may take to end that were killed, until the shutdown goes on without them."""


class Reporter(Protocol):
    def on_restart(self, reason: str) -> None:
        """A worker was replaced; `reason` becomes a label of a metric."""

    def on_batch(self, size: int) -> None:
        """So many calls were handed over as one."""

    def on_batch_run(self, run_s: float) -> None:
        """run() took so long for one batch."""


class Supervisor:
    """`on_fatal` is called once if the script cannot be started. Every method is called on the event loop.

    Raises EntryError where there is no memory for the bodies of requests.
    """

    def __init__(
        self,
        spec: PoolSpec,
        sink: LineSink,
        on_fatal: Callable[[EntryError], None],
        reporter: Reporter,
        check: Check | None = None,
    ) -> None:
        self.spec = spec
        self._check = check
        self._warming: dict[WorkerProcess, WarmUp] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sink = sink
        self._on_fatal = on_fatal
        self._reporter = reporter
        self._loop = asyncio.get_running_loop()
        self._current: dict[int, WorkerProcess] = {}
        self._leaving: set[WorkerProcess] = set()
        self._incoming: dict[WorkerProcess, asyncio.Future[bool]] = {}
        self._by_slot: dict[Slot, WorkerProcess] = {}
        self._backoff = Backoff(spec.workers)
        self._memory = MemoryLimit()
        self._loaded_once = False
        self._stopping = False
        self._all_dead = asyncio.Event()
        self._doomed: dict[WorkerProcess, str] = {}
        """Those that must end, with the reason of their replacement."""
        self._last_trouble = ""
        self._renewing = asyncio.Lock()
        self._families = Families(lambda: {worker.pid for worker in self._living()})
        self.features = Features()
        self.dispatcher = Dispatcher(spec.limits, self)
        self.bodies = _body_memory(spec, self._loop)
        """Where the bodies of requests are put that are too large for a message."""
        self.on_record: Callable[[str, bytes], None] = lambda name, line: None
        """Takes the name of a collection, as the worker says it, and a line that run() has collected."""
        self.on_dropped_records: Callable[[int], None] = lambda count: None

    def start(self) -> None:
        for index in range(self.spec.workers):
            self._start(index)

    @property
    def workers(self) -> list[WorkerProcess]:
        """The workers in office; those about to come or to go are not among them."""
        return [self._current[index] for index in sorted(self._current)]

    def unready_reason(self) -> str | None:
        """Why no call can be run now; None when one can."""
        states = {worker.state for worker in self._current.values()}
        if WorkerState.READY in states:
            return None
        warming = WorkerState.WARMING in states
        return self._last_trouble or f"the model is {'warming up' if warming else 'loading'}"

    async def renew(self, worker: WorkerProcess, reason: str) -> bool:
        """Puts a fresh worker in the place of a living one, without a gap. False when the fresh one cannot load."""
        async with self._renewing:
            if self._stopping or self._current.get(worker.index) is not worker:
                return True
            try:
                fresh = self._new(worker.index)
            except OSError as failure:
                _LOG.error("%s stays: its successor cannot be started: %s", worker.name, failure.strerror)
                return False
            loaded = self._incoming[fresh] = self._loop.create_future()
            if not await loaded:
                _LOG.error("%s cannot replace %s, which stays: %s", fresh.name, worker.name, fresh.load_error)
                return False
            self._reporter.on_restart(reason)
            return True

    async def renew_all(self) -> None:
        """One after the other, so that at most one worker more than usual needs memory."""
        for worker in self.workers:
            if not await self.renew(worker, "reload"):
                return

    async def stop(self) -> None:
        """Ends every worker: those that do not end by themselves within the grace period are killed."""
        self._stopping = True
        self.dispatcher.fail_queued(Draining("The server is shutting down."))
        for worker in self._living():
            loading = worker.state in (WorkerState.STARTING, WorkerState.LOADING, WorkerState.WARMING)
            worker.stop()
            if loading:
                worker.kill()
        if self._living():
            await self._wait_all_dead()
        await self._families.end_all(_FAMILY_PATIENCE_S)

    def on_loaded(self, worker: WorkerProcess) -> None:
        if self.spec.warmup or self._check is not None:
            # At once, not in the task: the worker may end before that begins.
            hopeless = partial(self._on_hopeless_warming, worker)
            warmup = self._warming[worker] = WarmUp(worker, self.spec, self._check, hopeless)
            task = self._loop.create_task(self._warm(worker, warmup))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._take_up(worker)

    async def _warm(self, worker: WorkerProcess, warmup: WarmUp) -> None:
        try:
            refusal = await warmup.run()
        except Exception as failure:
            _LOG.exception("%s could not be warmed up", worker.name)
            refusal = str(InternalError(f"{type(failure).__name__}: {failure}"))
        self._warming.pop(worker, None)
        if worker.state is not WorkerState.WARMING:
            return  # it has ended, or is about to
        warmup.release()
        if refusal is None:
            self._take_up(worker)
        else:
            worker.refuse(refusal)
            self._loop.call_later(self.spec.grace_s, self._kill_if_alive, worker)

    def _take_up(self, worker: WorkerProcess) -> None:
        worker.take_up()
        self._loaded_once = True
        self._last_trouble = ""
        self.features = worker.features
        self.dispatcher.batch = worker.features.batch
        self.dispatcher.refusal = None
        _LOG.info("%s is ready after %.2f s", worker.name, time.monotonic() - worker.started_at)
        if worker in self._incoming:
            self._take_office(worker)
        for slot in worker.slots:
            self.dispatcher.add(slot)

    def on_stuck(self, slot: Slot, request_id: str) -> None:
        """Calls in the worker's other threads are innocent: they may finish, within the grace period."""
        worker = self._by_slot[slot]
        worker.note(WorkerEvent.CALL_STUCK)
        if worker in self._doomed:
            return
        self._doomed[worker] = "scoring_timeout"
        message = "%s: a call exceeded the scoring timeout; its stacks follow, then it is replaced"
        _LOG.error(message, worker.name, extra={"request_id": request_id})
        self._last_trouble = f"worker-{worker.index} is replaced: a call exceeded the scoring timeout"
        worker.dump_stacks()
        for sibling in worker.slots:
            self.dispatcher.retire(sibling)
        self._loop.call_later(self.spec.grace_s, self._kill_if_alive, worker)
        self._kill_if_idle(worker)

    def on_broken(self, slot: Slot, reason: str) -> None:
        """Nothing that it says counts any more, to the callers of its other slots neither."""
        self.on_broken_protocol(self._by_slot[slot], reason)

    def on_broken_protocol(self, worker: WorkerProcess, reason: str) -> None:
        if worker.exit_status is not None:
            return  # it has ended, and will be replaced for that
        worker.note(WorkerEvent.BROKE_PROTOCOL)
        self._doomed[worker] = "broke_protocol"
        worker.load_error = worker.load_error or f"it violated the protocol: {reason}"
        _LOG.error("%s violated the protocol and is killed: %s", worker.name, reason)
        worker.kill()

    def _on_hopeless_warming(self, worker: WorkerProcess, event: WorkerEvent, reason: str) -> None:
        worker.note(event)
        worker.load_error = reason
        _LOG.error("%s: %s; its stacks follow", worker.name, reason)
        worker.dump_stacks()
        self._loop.call_later(_DUMP_S, self._kill_if_alive, worker)

    def on_idle(self, slot: Slot) -> None:
        worker = self._by_slot[slot]
        if worker in self._doomed:
            self._kill_if_idle(worker)
        elif worker in self._leaving:
            self._end_if_idle(worker)

    def on_batch(self, size: int) -> None:
        self._reporter.on_batch(size)

    def on_batch_run(self, run_s: float) -> None:
        self._reporter.on_batch_run(run_s)

    def on_exit(self, worker: WorkerProcess) -> None:
        self._end_slots(worker)
        waiting = self._incoming.pop(worker, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(False)
        if self._current.get(worker.index) is worker:
            del self._current[worker.index]
            self._on_loss(worker)
        self._leaving.discard(worker)
        self._doomed.pop(worker, None)
        self._families.end(worker.mark)
        if self._stopping and not self._living():
            self._all_dead.set()

    def _on_loss(self, worker: WorkerProcess) -> None:
        if self._stopping:
            return
        if not self._loaded_once and worker.ready_at is None:
            self._on_fatal(self._start_failure(worker))
        else:
            self._replace(worker)

    def _living(self) -> list[WorkerProcess]:
        return [*self._current.values(), *self._incoming, *self._leaving]

    def _start(self, index: int) -> None:
        if self._stopping:
            return
        try:
            self._current[index] = self._new(index)
        except OSError as failure:
            self._on_unstartable(index, failure)

    def _on_unstartable(self, index: int, failure: OSError) -> None:
        """No process or no descriptor is to be had: that may pass."""
        reason = f"worker-{index} cannot be started ({failure.strerror})"
        if not self._loaded_once:
            remedy = "raise the limits on processes, open files and memory: ulimit -u, -n, -v"
            self._on_fatal(EntryError(reason, remedy=remedy))
            return
        self._last_trouble = f"{reason}; trying again"
        _LOG.error("%s", self._last_trouble)
        self._loop.call_later(_RETRY_S, self._start, index)

    def _new(self, index: int) -> WorkerProcess:
        worker = WorkerProcess(index, self.spec, self, self._sink, self.bodies, self._families.new_mark())
        self._by_slot.update(dict.fromkeys(worker.slots, worker))
        return worker

    def _take_office(self, fresh: WorkerProcess) -> None:
        """The predecessor gets no new calls and ends after the ones it has."""
        loaded = self._incoming.pop(fresh)
        old = self._current.get(fresh.index)
        self._current[fresh.index] = fresh
        if old is not None:
            self._leaving.add(old)
            for slot in old.slots:
                if slot in self.dispatcher.slots:
                    self.dispatcher.retire(slot)
            old.stop()
            self._end_if_idle(old)
            patience_s = self.spec.limits.scoring_timeout_s + self.spec.grace_s
            self._loop.call_later(patience_s, self._kill_if_alive, old)
        loaded.set_result(True)

    def _end_slots(self, worker: WorkerProcess) -> None:
        message = f"The model worker that ran this request {worker.ending()}."
        warmup = self._warming.get(worker)
        if warmup is not None and worker.load_error is None:
            worker.load_error = f"the worker {worker.ending()} while it was warmed up"
        for slot in worker.slots:
            del self._by_slot[slot]
            if warmup is not None:
                warmup.abandon(slot)
            elif slot in self.dispatcher.slots:
                self.dispatcher.remove(slot, WorkerDied(message))
            else:
                slot.close()

    def _start_failure(self, worker: WorkerProcess) -> EntryError:
        what = worker.load_error or f"the worker {worker.ending()} while it loaded {self.spec.entry.entry_script}"
        verdict = self._memory.verdict(worker.exit_status)
        return EntryError(f"{what}{verdict.cause}", remedy=verdict.remedy)

    def _replace(self, worker: WorkerProcess) -> None:
        delay_s = self._backoff.delay_s(worker.index, worker.ready_at)
        reason = self._restart_reason(worker)
        self._reporter.on_restart(reason)
        self._last_trouble = f"worker-{worker.index} {worker.load_error or worker.ending()}; it is started again"
        log = _LOG.info if reason == "scoring_timeout" else _LOG.error
        ended = f"{worker.ending()}{self._memory.verdict(worker.exit_status).cause}"
        log("%s %s; a new one starts%s", worker.name, ended, f" in {delay_s:.1f} s" if delay_s else "")
        if delay_s and not self._current:
            self.dispatcher.refusal = f"No model worker is ready: {self._last_trouble} in {delay_s:.1f} s."
            self.dispatcher.fail_queued(NotReady(self.dispatcher.refusal, retry_after_s=5))
        self._loop.call_later(delay_s, self._start, worker.index)

    def _restart_reason(self, worker: WorkerProcess) -> str:
        if worker in self._doomed:
            return self._doomed[worker]
        if worker.ready_at is None:
            return "start_failed"
        return "signal" if (worker.exit_status or 0) < 0 else "exit"

    def _kill_if_idle(self, worker: WorkerProcess) -> None:
        if not any(slot.outstanding for slot in worker.slots):
            self._loop.call_later(_DUMP_S, self._kill_if_alive, worker)

    def _end_if_idle(self, worker: WorkerProcess) -> None:
        """Its last call is over: what else its interpreter waits for, threads or children, gets the grace period."""
        if not any(slot.outstanding for slot in worker.slots):
            self._loop.call_later(self.spec.grace_s, self._kill_if_alive, worker)

    def _kill_if_alive(self, worker: WorkerProcess) -> None:
        if worker.exit_status is None:
            worker.kill()

    async def _wait_all_dead(self) -> None:
        try:
            async with asyncio.timeout(self.spec.grace_s):
                await self._all_dead.wait()
        except TimeoutError:
            for worker in self._living():
                _LOG.warning("%s did not end within the grace period and is killed", worker.name)
                worker.kill()
            await self._all_dead.wait()


def _body_memory(spec: PoolSpec, loop: asyncio.AbstractEventLoop) -> BufferPool:
    try:
        return BufferPool(spec.max_buffer_bytes, loop)
    except OSError as failure:
        what = f"{spec.max_buffer_bytes} bytes for large request bodies cannot be mapped ({failure.strerror})"
        raise EntryError(what, remedy="lower --max-buffer-bytes, or raise the limit: ulimit -v") from None
