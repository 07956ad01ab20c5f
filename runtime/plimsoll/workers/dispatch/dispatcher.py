"""Hands the calls in the queue to slots, times them, and gives every call exactly one end.

Knows slots, not processes: the supervisor adds and retires slots and hears (`Observer`) when a call is stuck.
Lives on the front's event loop; nothing here blocks.

Two rules for editors. Whatever goes wrong while calls are handed over ends these calls, with nothing sent, and leaves
the slot as it was (`_hand`). Whatever goes wrong while a slot is read ends the call that it was about; where that
cannot be told, the worker is not believed any more: its calls end, and it is replaced (`_on_readable`).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable

from plimsoll.errors import (
    AnswerLost,
    DeadlineExceeded,
    HandOverFailed,
    NotReady,
    RequestError,
    ScoringTimeout,
    WorkerBroke,
)
from plimsoll.workers.dispatch.observer import Observer
from plimsoll.workers.dispatch.pending import PendingCall, Receiver
from plimsoll.workers.dispatch.queue import CallQueue
from plimsoll.workers.dispatch.slot import BUNDLE_BYTES, Slot
from plimsoll.workers.dispatch.sweep import Sweep
from plimsoll.workers.features import BatchLimits
from plimsoll.workers.frames import BodyLost, Flag, Frame, Kind, MalformedFrame
from plimsoll.workers.lifecycle import CallEvent, CallState
from plimsoll.workers.shared.buffers import Lease
from plimsoll.workers.shared.leases import LeaseEvent
from plimsoll.workers.spec import Limits

_LOG = logging.getLogger("plimsoll.workers")
_READS_PER_WAKE_UP = 64
_READS_AT_THE_END = 4096
"""More frames than the socket of a worker that has ended can hold."""
_SMOOTHING = 0.1


def _nothing() -> None:
    """The default for callbacks that nobody has set."""


class Dispatcher:
    """Every method is called on the event loop."""

    def __init__(self, limits: Limits, observer: Observer) -> None:
        self._limits = limits
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._queue = CallQueue(limits.max_queue)
        self._last_id = 0
        self._run_s = 0.0
        self._hand_out_due = False
        self.sweep = Sweep(min(0.05, max(0.002, limits.scoring_timeout_s / 20)), self._on_sweep)
        self.before_answers: Callable[[], None] = _nothing
        """Called around answers that come together, as is the next."""
        self.after_answers: Callable[[], None] = _nothing
        self.slots: list[Slot] = []
        self.batch: BatchLimits | None = None
        self.refusal: str | None = None
        """While set, no worker is to be expected soon: new calls are refused with this reason."""

    @property
    def queue_length(self) -> int:
        return len(self._queue)

    @property
    def running(self) -> int:
        return sum(len(slot.outstanding) for slot in self.slots)

    def submit(
        self,
        head: bytes,
        body: bytes | Lease,
        receiver: Receiver,
        timeout_s: float | None = None,
        request_id: bytes = b"",
        kind: int = Kind.CALL,
    ) -> PendingCall:
        """Admits a call; the client's own `timeout_s` counts from now. Its end may come before this returns.

        A lease is the call's from here on, and ends with it. Raises QueueFull or NotReady instead of letting it wait in
        vain; the lease is then still the caller's.
        """
        if self.refusal is not None and not self.slots:
            raise NotReady(self.refusal, retry_after_s=5)
        self._last_id = self._last_id % 0xFFFFFFFF + 1
        call = PendingCall(self._last_id, head, body, time.monotonic(), receiver, request_id, kind)
        patience_s = self._limits.queue_timeout_s if timeout_s is None else timeout_s
        # Looked at closely only where it could matter: one slot alone would take at least as long as all of them.
        if len(self._queue) >= self._limits.max_queue or self._run_s * (len(self._queue) + 1) > patience_s:
            self._queue.check(self._idle_slots(), self._wait_s(), patience_s)
        if isinstance(body, Lease):
            body.note(LeaseEvent.SUBMIT)
        self._queue.append(call)
        if timeout_s is not None:
            self._loop.call_later(timeout_s, self._expire, call, timeout_s)
        self.sweep.wake()
        if self._is_alone():
            self._hand_out()
        else:
            self._hand_out_soon()
        return call

    def drop(self, call: PendingCall) -> None:
        """The client left: the call is not begun, and a result that still comes is thrown away."""
        if call.state in (CallState.QUEUED, CallState.HANDED, CallState.RUNNING):
            self._recall(call)
            call.note(CallEvent.DROP)
            self._queue.discard(call)
            self._cancel_stream(call)

    def pause(self, call: PendingCall) -> None:
        """The client of a stream is behind: its slot is not read, which holds the script back, until `resume`."""
        slot = self._slot_of(call)
        if slot is not None and not call.paused:
            call.paused = True
            self._loop.remove_reader(slot.fileno())

    def resume(self, call: PendingCall) -> None:
        """Reads the slot again: the client has caught up."""
        slot = self._slot_of(call)
        if slot is not None and call.paused:
            call.paused = False
            slot.chunk_at = time.monotonic()
            self._loop.add_reader(slot.fileno(), self._on_readable, slot)

    def add(self, slot: Slot) -> None:
        self.slots.append(slot)
        self._loop.add_reader(slot.fileno(), self._on_readable, slot)
        self._hand_out_soon()

    def release(self, slot: Slot) -> None:
        """The opposite of `add`, for a slot that runs nothing and stays open."""
        self._loop.remove_reader(slot.fileno())
        self.slots.remove(slot)

    def retire(self, slot: Slot) -> None:
        """No new calls for `slot`; the ones it has not begun go back to the head of the queue."""
        slot.open = False
        self._queue.take_back(slot.take_back())
        self._hand_out_soon()

    def remove(self, slot: Slot, error: RequestError) -> None:
        """The slot's worker has ended: what it answered counts, what it ran fails, the rest is run elsewhere."""
        self._on_readable(slot, to_the_end=True)
        self._loop.remove_reader(slot.fileno())
        self.retire(slot)
        self._queue.take_back(slot.take_unbegun())
        self._fail_outstanding(slot, error)
        self.slots.remove(slot)
        slot.close()

    def fail_queued(self, error: RequestError) -> None:
        for call in self._queue.take(len(self._queue)):
            call.fail(error)

    def _is_alone(self) -> bool:
        """Whether the call that has just joined the queue is the only one, so that waiting for others is in vain."""
        return self.batch is None and len(self._queue) == 1 and not any(slot.outstanding for slot in self.slots)

    def _slot_of(self, call: PendingCall) -> Slot | None:
        """The slot on which the call runs."""
        return next((slot for slot in self.slots if slot.outstanding and slot.outstanding[0] is call), None)

    def _idle_slots(self) -> int:
        return sum(slot.open and not slot.outstanding for slot in self.slots)

    def _wait_s(self) -> float:
        """Expected wait of a call that joins the queue now, in seconds; unknown counts as none."""
        if not self._queue:
            return 0.0
        usable = sum(slot.open for slot in self.slots)
        per_turn = self.batch.max_size if self.batch else 1
        return self._run_s * (len(self._queue) + 1) / per_turn / usable if usable else 0.0

    def _hand_out_soon(self) -> None:
        # Not at once while others are under way: calls that arrive in the same turn of the loop are handed over
        # together, which wakes the worker once for all of them.
        if not self._hand_out_due:
            self._hand_out_due = True
            self._loop.call_soon(self._hand_out)

    def _hand_out(self) -> None:
        """Gives queued calls to the slots with the fewest, as long as any takes more."""
        self._hand_out_due = False
        now = time.monotonic()
        while self._queue and (slot := self._slot_with_capacity(now)) is not None:
            if not self._hand(slot, now):
                break

    def _slot_with_capacity(self, now: float) -> Slot | None:
        """The slot with the fewest calls among those that take another."""
        best, fewest = None, math.inf
        for slot in self.slots:
            count = len(slot.outstanding)
            if count < fewest and slot.has_capacity(now):
                if count == 0:
                    return slot
                best, fewest = slot, count
        return None if self.batch else best

    def _hand(self, slot: Slot, now: float) -> bool:
        """False when nothing was handed over: the batch is to fill up first, or the socket is full."""
        if self.batch is not None and self._is_to_fill_up(self.batch, now):
            return False
        calls = self._queue.take(self.batch.max_size) if self.batch else self._for(slot, now)
        try:
            done = self._handed(slot, calls, now)
        except Exception as failure:
            self._fail_handed(calls, failure)
            return True
        if not done:
            self._queue.put_back(calls)
        elif self.batch is not None:
            self._observer.on_batch(len(calls))
        return done

    def _for(self, slot: Slot, now: float) -> list[PendingCall]:
        """The next calls for `slot`: as many as it takes at once where no other slot could run them, else one."""
        if len(self.slots) > 1:
            return self._queue.take()
        return self._queue.take_together(slot.capacity(now), slot.bundled_bytes, BUNDLE_BYTES)

    def _handed(self, slot: Slot, calls: list[PendingCall], now: float) -> bool:
        if self.batch:
            return slot.hand_batch(calls, now)
        return slot.hand(calls[0], now) if len(calls) == 1 else slot.hand_bundle(calls, now)

    def _fail_handed(self, calls: list[PendingCall], failure: Exception) -> None:
        reason = getattr(failure, "strerror", None) or type(failure).__name__
        for call in calls:
            message = f"The call could not be handed to a model worker: {reason}."
            _LOG.warning("%s", message, extra={"request_id": call.request_id.decode("latin-1")})
            call.fail(HandOverFailed(message, retry_after_s=1))

    def _is_to_fill_up(self, batch: BatchLimits, now: float) -> bool:
        missing_s = self._queue.oldest().queued_at + batch.max_wait_s - now
        if len(self._queue) >= batch.max_size or missing_s <= 0:
            return False
        self._loop.call_later(missing_s, self._hand_out)
        return True

    def _on_readable(self, slot: Slot, *, to_the_end: bool = False) -> None:
        self.before_answers()
        try:
            self._read(slot, to_the_end)
        except Exception as failure:
            self._give_up_broken(slot, failure)
        finally:
            self.after_answers()
        if len(self.slots) > 1 and not self._queue and not slot.outstanding and self.batch is None:
            self._take_next_calls()
        if self._queue:
            self._hand_out()

    def _take_next_calls(self) -> None:
        """A slot is idle: what others were handed ahead need not wait for them."""
        for slot in self.slots:
            if slot.holds_next:
                self._queue.take_back(slot.take_back())

    def _recall(self, call: PendingCall) -> None:
        """Nobody waits for `call` any more: it is not run if its worker has not read it."""
        if call.state is CallState.HANDED:
            for slot in self.slots:
                if slot.holds_next and call in slot.outstanding:
                    self._queue.take_back(slot.take_back())
                    self._hand_out_soon()

    def _read(self, slot: Slot, to_the_end: bool) -> None:
        for _ in range(_READS_AT_THE_END if to_the_end else _READS_PER_WAKE_UP):
            try:
                frame = slot.receive()
            except BodyLost as lost:
                self._on_lost(slot, lost)
                frame = lost.frame
            if frame is None:
                break
            self._on_frame(slot, frame)
            if not slot.outstanding:
                break  # nothing more can come: spares the read that would only say so
            if slot.outstanding[0].paused and not to_the_end:
                break

    def _on_lost(self, slot: Slot, lost: BodyLost) -> None:
        """The call has its end; what its frame says of the slot still counts."""
        if slot.outstanding and slot.outstanding[0].call_id == lost.frame.call_id:
            call = slot.outstanding[0]
            message = f"The answer could not be taken from the model worker: {lost}."
            _LOG.warning("%s", message, extra={"request_id": call.request_id.decode("latin-1")})
            call.fail(AnswerLost(message))
            self._cancel_stream(call)

    def _give_up_broken(self, slot: Slot, failure: Exception) -> None:
        if not slot.open and not slot.outstanding:
            return  # it is given up already
        reason = str(failure) if isinstance(failure, MalformedFrame) else f"{type(failure).__name__}: {failure}"
        self._give_up(
            slot, WorkerBroke("The model worker that ran this request sent what is no answer; it is replaced.")
        )
        self._observer.on_broken(slot, reason)

    def _on_frame(self, slot: Slot, frame: Frame) -> None:
        if not slot.outstanding or slot.outstanding[0].call_id != frame.call_id:
            return  # the late answer of a call that has failed by timeout
        call = slot.outstanding[0]
        call.check(frame)
        if frame.flags & Flag.RUN_RETURNED:
            self._learn(slot, frame.run_ns / 1e9)
            if self.batch is not None and call.batch_id == call.call_id:
                self._observer.on_batch_run(frame.run_ns / 1e9)
        if frame.flags & Flag.MORE:
            slot.chunk_at = time.monotonic()
            if call.state in (CallState.DROPPED, CallState.FAILED):
                slot.cancel(call.call_id)
            call.resolve(frame)
            return
        slot.finish_head(time.monotonic(), body_kept=bool(frame.flags & Flag.BODY_KEPT))
        call.resolve(frame)
        if not slot.open and not slot.outstanding:
            self._observer.on_idle(slot)

    def _learn(self, slot: Slot, run_s: float) -> None:
        slot.learn(run_s)
        self._run_s += (run_s - self._run_s) * (_SMOOTHING if self._run_s else 1.0)

    def _cancel_stream(self, call: PendingCall) -> None:
        """Has the script's generator closed; its slot is read on, so that it can say that it has ended."""
        slot = self._slot_of(call) if call.streaming else None
        if slot is not None:
            slot.cancel(call.call_id)
            self.resume(call)

    def _on_sweep(self, now: float) -> bool:
        """Times everything that waits or runs, and answers whether anything is left; there is no timer per call."""
        self._queue.expire(now - self._limits.queue_timeout_s)
        for slot in list(self.slots):
            self._check(slot, now)
        self._hand_out()
        return bool(self._queue) or any(slot.outstanding for slot in self.slots)

    def _check(self, slot: Slot, now: float) -> None:
        if len(slot.outstanding) > 1 and slot.is_slow(now):
            self._queue.take_back(slot.take_back())
        if not slot.outstanding or slot.outstanding[0].paused:
            return  # a stream that is paused waits for its client, not for the script
        if now - slot.busy_since() > self._limits.scoring_timeout_s:
            self._read_late(slot)

    def _read_late(self, slot: Slot) -> None:
        """The front itself may have stood still: what is answered is not stuck, and the call behind it has begun."""
        late = slot.outstanding[0]
        self._on_readable(slot)
        if slot.outstanding and slot.outstanding[0] is late and not late.paused:
            self._stop_stuck(slot)

    def _stop_stuck(self, slot: Slot) -> None:
        request_id = slot.outstanding[0].request_id.decode("latin-1")
        timeout_ms = round(self._limits.scoring_timeout_s * 1000)
        self._queue.take_back(slot.take_unbegun())
        self._give_up(slot, ScoringTimeout(f"Scoring timeout after {timeout_ms} ms"))
        self._observer.on_stuck(slot, request_id)

    def _give_up(self, slot: Slot, error: RequestError) -> None:
        """The oldest call ends, and with it the rest of its batch; what lies unread is run elsewhere."""
        begun = [slot.outstanding.popleft()] if slot.outstanding else []
        self.retire(slot)
        slot.outstanding.extendleft(begun)
        self._fail_outstanding(slot, error)

    def _fail_outstanding(self, slot: Slot, error: RequestError) -> None:
        for call in slot.outstanding:
            call.fail(error)
        slot.abandon()

    def _expire(self, call: PendingCall, timeout_s: float) -> None:
        """The client's own deadline: it is answered, but a run() that has begun may finish."""
        if call.state in (CallState.QUEUED, CallState.HANDED, CallState.RUNNING):
            self._recall(call)
            self._queue.discard(call)
            call.fail(DeadlineExceeded(f"The deadline of {timeout_s * 1e3:.0f} ms has passed."))
            self._cancel_stream(call)
