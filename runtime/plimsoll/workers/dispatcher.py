"""One queue for all slots: admits calls, hands them out, times them, and gives every call exactly one end.

Knows slots, not processes: the supervisor adds and retires slots and is told (`Observer`) when a call is
stuck. Lives on the front's event loop; nothing here blocks.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import Protocol

from plimsoll.errors import NotReady, QueueFull, QueueTimeout, RequestError, ScoringTimeout
from plimsoll.workers.frames import Flag, Frame
from plimsoll.workers.lifecycle import CallEvent, CallState
from plimsoll.workers.pending import PendingCall
from plimsoll.workers.slot import AHEAD_S, Slot
from plimsoll.workers.spec import Limits

_READS_PER_WAKE_UP = 64
_SLOW_S = 0.05
"""A call that takes longer than this has its client's connection watched."""


class Observer(Protocol):
    def on_stuck(self, slot: Slot) -> None:
        """The slot's call passed the scoring timeout: its worker must end."""

    def on_idle(self, slot: Slot) -> None:
        """A retired slot has finished its last call."""


class Dispatcher:
    """Every method is called on the event loop."""

    def __init__(self, limits: Limits, observer: Observer) -> None:
        self._limits = limits
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._queue: deque[PendingCall] = deque()
        self._slots: list[Slot] = []
        self._last_id = 0
        self._hand_out_due = False
        self._sweep: asyncio.TimerHandle | None = None
        self._sweep_period_s = min(0.05, max(0.002, limits.scoring_timeout_s / 20))
        self.refusal: str | None = None
        """While set, no worker is to be expected soon: new calls are refused with this reason."""

    @property
    def queue_length(self) -> int:
        return len(self._queue)

    @property
    def running(self) -> int:
        return sum(len(slot.outstanding) for slot in self._slots)

    @property
    def slots(self) -> list[Slot]:
        return self._slots

    def submit(self, head: bytes, body: bytes) -> PendingCall:
        """Admits a call. Raises QueueFull or NotReady instead of letting it wait in vain."""
        now = time.monotonic()
        self._last_id = (self._last_id + 1) & 0xFFFFFFFF
        call = PendingCall(self._last_id, head, body, now, self._loop.create_future())
        self._enqueue(call)
        if not self._hand_out_due:
            # Not at once: calls that arrive in the same turn of the loop are handed over together, which
            # wakes the worker once for all of them.
            self._hand_out_due = True
            self._loop.call_soon(self._hand_out)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._sweep_period_s, self._on_sweep)
        return call

    def drop(self, call: PendingCall) -> None:
        """The client left: the call is not begun, and a result that still comes is thrown away."""
        if call.state in (CallState.QUEUED, CallState.HANDED, CallState.RUNNING):
            call.note(CallEvent.DROP)
        call.answer.cancel()
        if call in self._queue:
            self._queue.remove(call)

    def add(self, slot: Slot) -> None:
        self._slots.append(slot)
        self._loop.add_reader(slot.fileno(), self._on_readable, slot)
        self._fill(slot, time.monotonic())

    def retire(self, slot: Slot) -> None:
        """No new calls for `slot`; the ones it has not begun go back to the head of the queue."""
        slot.open = False
        self._requeue(slot.take_back())

    def remove(self, slot: Slot, error: RequestError) -> None:
        """The slot's worker has ended: what it answered counts, what it ran fails, the rest is run elsewhere."""
        self._on_readable(slot)
        self._loop.remove_reader(slot.fileno())
        self.retire(slot)
        for call in slot.outstanding:
            call.fail(error)
        slot.outstanding.clear()
        self._slots.remove(slot)
        slot.close()

    def fail_queued(self, error: RequestError) -> None:
        while self._queue:
            self._queue.popleft().fail(error)

    def wait_s(self) -> float:
        """Expected wait of a call that joins the queue now, in seconds."""
        usable = [slot for slot in self._slots if slot.open]
        if not usable:
            return 1.0
        run_s = sum(slot.run_s for slot in usable) / len(usable)
        return run_s * (len(self._queue) + 1) / len(usable)

    def _enqueue(self, call: PendingCall) -> None:
        if self.refusal is not None and not self._slots:
            raise NotReady(self.refusal, retry_after_s=5)
        if len(self._queue) >= self._limits.max_queue and not self._is_room():
            retry_after_s = min(60, max(1, math.ceil(self.wait_s())))
            raise QueueFull("All slots are busy and the queue is full.", retry_after_s=retry_after_s)
        self._queue.append(call)

    def _is_room(self) -> bool:
        """Whether idle slots will take more calls than are queued over the bound already."""
        idle = sum(slot.open and not slot.outstanding for slot in self._slots)
        return len(self._queue) < self._limits.max_queue + idle

    def _slot_with_room(self, now: float) -> Slot | None:
        """The slot with the fewest calls among those with room."""
        best, fewest = None, math.inf
        for slot in self._slots:
            count = len(slot.outstanding)
            if count < fewest and slot.has_room(now):
                if count == 0:
                    return slot
                best, fewest = slot, count
        return best

    def _on_readable(self, slot: Slot) -> None:
        for _ in range(_READS_PER_WAKE_UP):
            frame = slot.receive()
            if frame is None:
                break
            self._on_frame(slot, frame)
            if not slot.outstanding:
                break  # nothing more can come: spares the read that would only say so
        self._fill(slot, time.monotonic())

    def _on_frame(self, slot: Slot, frame: Frame) -> None:
        if not slot.outstanding or slot.outstanding[0].call_id != frame.call_id:
            return  # the late answer of a call that has failed by timeout
        call = slot.outstanding[0]
        call.resolve(frame)
        if frame.flags & Flag.RUN_RETURNED:
            slot.learn(frame.run_ns / 1e9)
        if not frame.flags & Flag.MORE:
            slot.finish_head(time.monotonic())
            self._tell_idle(slot)

    def _fill(self, slot: Slot, now: float) -> None:
        while self._queue and slot.has_room(now):
            call = self._queue.popleft()
            if not slot.hand(call, now):
                self._queue.appendleft(call)
                break

    def _hand_out(self) -> None:
        """Gives queued calls to the slots with the fewest, as long as any has room."""
        self._hand_out_due = False
        now = time.monotonic()
        while self._queue and (slot := self._slot_with_room(now)) is not None:
            call = self._queue.popleft()
            if not slot.hand(call, now):
                self._queue.appendleft(call)
                break

    def _requeue(self, calls: list[PendingCall]) -> None:
        """Called-back calls are older than anything in the queue and keep their order."""
        for call in reversed(calls):
            if call.state is not CallState.DROPPED:
                call.note(CallEvent.TAKE_BACK)
                self._queue.appendleft(call)

    def _on_sweep(self) -> None:
        """Times everything that waits or runs; there is no timer per call."""
        now = time.monotonic()
        self._expire_queue(now)
        for slot in list(self._slots):
            self._check(slot, now)
        self._hand_out()
        busy = bool(self._queue) or any(slot.outstanding for slot in self._slots)
        self._sweep = self._loop.call_later(self._sweep_period_s, self._on_sweep) if busy else None

    def _expire_queue(self, now: float) -> None:
        for call in self._queue:
            self._watch_if_slow(call, now)
        while self._queue and now - self._queue[0].queued_at > self._limits.queue_timeout_s:
            self._queue.popleft().fail(QueueTimeout("The deadline passed before a slot was free."))

    def _check(self, slot: Slot, now: float) -> None:
        if not slot.outstanding:
            return
        head = slot.outstanding[0]
        ran_s = now - head.started_at
        self._watch_if_slow(head, now)
        if ran_s > self._limits.scoring_timeout_s:
            self._stop_stuck(slot, head)
        elif len(slot.outstanding) > 1 and ran_s > 2 * AHEAD_S and self._is_idle_slot():
            self._requeue(slot.take_back())

    def _is_idle_slot(self) -> bool:
        return any(slot.open and not slot.outstanding for slot in self._slots)

    def _stop_stuck(self, slot: Slot, head: PendingCall) -> None:
        slot.outstanding.popleft()
        timeout_ms = round(self._limits.scoring_timeout_s * 1000)
        head.fail(ScoringTimeout(f"Scoring timeout after {timeout_ms} ms"))
        self.retire(slot)
        self._observer.on_stuck(slot)

    def _tell_idle(self, slot: Slot) -> None:
        if not slot.open and not slot.outstanding:
            self._observer.on_idle(slot)

    def _watch_if_slow(self, call: PendingCall, now: float) -> None:
        if call.watch is not None and now - call.queued_at > _SLOW_S:
            watch, call.watch = call.watch, None
            watch()
