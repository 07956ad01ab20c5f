"""What a worker goes through between init() and its first call: warm-up calls, and the question what it computes on.

The calls go the ordinary way, with batches, streams and the scoring timeout, through a dispatcher that has only this
worker's slots. Whoever is served later waits for no kernel that is still to be compiled.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from plimsoll.backends.placement import Placement
from plimsoll.errors import RequestError, WorkerDied
from plimsoll.workers.dispatch.awaited import Awaited
from plimsoll.workers.dispatch.dispatcher import Dispatcher
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.frames import Flag, Kind
from plimsoll.workers.lifecycle import WorkerEvent
from plimsoll.workers.process import WorkerProcess
from plimsoll.workers.spec import PoolSpec, WarmUpCall

_LOG = logging.getLogger("plimsoll.workers")
_SINGLE_LINES = 10

Check = Callable[[WorkerProcess, list[Placement]], Awaitable[str | None]]
"""Says why a worker must not serve although it is loaded and warm; None when it may."""

OnHopeless = Callable[[WorkerEvent, str], None]
"""Takes what has happened, for the worker's state, and in words."""


class WarmUp:
    """The warm-up of one worker. `on_hopeless` is called with the reason when the worker must end."""

    def __init__(
        self,
        worker: WorkerProcess,
        spec: PoolSpec,
        check: Check | None,
        on_hopeless: Callable[[WorkerEvent, str], None],
    ) -> None:
        self._worker = worker
        self._calls = spec.warmup
        self._threads = spec.threads
        self._check = check
        self._on_hopeless = on_hopeless
        room = len(spec.warmup) * spec.threads + 1
        self.dispatcher = Dispatcher(replace(spec.limits, queue_timeout_s=math.inf, max_queue=room), self)
        for slot in worker.slots:
            self.dispatcher.add(slot)

    async def run(self) -> str | None:
        """Why the worker must not serve; None when it may, or when it has ended meanwhile."""
        refusal = None
        if self._calls and self.dispatcher.slots:
            refusal = await self._warm()
        if refusal is None and self._check is not None and self.dispatcher.slots:
            refusal = await self._checked(self._check)
        return refusal

    def release(self) -> None:
        """The slots are idle, and somebody else's from now on; what they have answered here does not count."""
        for slot in list(self.dispatcher.slots):
            self.dispatcher.release(slot)
            slot.answered = 0

    def abandon(self, slot: Slot) -> None:
        """The worker has ended, and what still waits for a slot must not wait for ever."""
        error = WorkerDied("The model worker ended.")
        self.dispatcher.remove(slot, error)
        self.dispatcher.fail_queued(error)

    def on_stuck(self, slot: Slot, request_id: str) -> None:
        self._on_hopeless(WorkerEvent.CALL_STUCK, "a warm-up call exceeded the scoring timeout")

    def on_broken(self, slot: Slot, reason: str) -> None:
        self._on_hopeless(WorkerEvent.BROKE_PROTOCOL, f"it violated the protocol: {reason}")

    def on_idle(self, slot: Slot) -> None:
        """No slot is retired here."""

    def on_batch(self, size: int) -> None:
        """Warm-up is not counted."""

    def on_batch_run(self, run_s: float) -> None:
        """Nor timed."""

    async def _warm(self) -> str | None:
        """Every call once for each thread, all of them at once: threads have caches of their own."""
        began = time.monotonic()
        self.dispatcher.batch = self._worker.features.batch
        given = [call for call in self._calls for _ in range(self._threads)]
        answers = [Awaited() for _ in given]
        for call, answer in zip(given, answers, strict=True):
            self.dispatcher.submit(call.head, call.body, answer, request_id=b"warmup")
        outcomes = await asyncio.gather(*map(self._outcome, given, answers))
        failures = {call.row: text for call, text in zip(given, outcomes, strict=True) if text is not None}
        for row, text in list(failures.items())[:_SINGLE_LINES]:
            _LOG.error("%s: warm-up row %d: %s", self._worker.name, row, text)
        failed, rows = len(failures), len(self._calls)
        if failed == rows:
            row, text = next(iter(failures.items()))
            return f"the warm-up failed: none of the {rows} row(s) succeeded; row {row}: {text}"
        message = "%s: warm-up of %d row(s) took %.2f s, %d failed"
        _LOG.info(message, self._worker.name, rows, time.monotonic() - began, failed)
        return None

    async def _outcome(self, call: WarmUpCall, answer: Awaited) -> str | None:
        """What went wrong, None when nothing did."""
        try:
            first, last = await answer.to_the_end()
        except RequestError as error:
            return str(error)
        if last.flags & Flag.ABORTED:
            return "the stream ended early"
        return None if call.is_fulfilled_by(first.status) else f"status {first.status}"

    async def _checked(self, check: Check) -> str | None:
        self.dispatcher.batch = None
        answer = Awaited()
        self.dispatcher.submit(b"", b"", answer, kind=Kind.CONTROL)
        try:
            frame = await answer.answer
        except RequestError as error:
            return str(error)
        return await check(self._worker, [Placement(**one) for one in json.loads(frame.body)])
