"""A slot: one thread of a worker, seen from the front, with the calls handed to it.

A slot runs one call at a time, in order, and answers it before it reads the next. So the oldest
outstanding call is the only one that can have begun, and every later one is still in the socket, from
where `take_back` can fetch it.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable

from plimsoll.workers import frames
from plimsoll.workers.dispatch.pending import PendingCall
from plimsoll.workers.frames import Flag, Frame, Kind, MalformedFrame, Place
from plimsoll.workers.lifecycle import CallState
from plimsoll.workers.shared.answer_sizes import AnswerSizes
from plimsoll.workers.shared.buffers import BufferPool, Lease, SharedAnswer
from plimsoll.workers.shared.cancel import NO_MORE
from plimsoll.workers.shared.leases import LeaseEvent, LeaseState

AHEAD_S = 0.001
"""Calls are handed ahead by many only while they are shorter than this, so that none waits behind a slow one.

With a 100-byte echo on two cores a request cost 84 µs of CPU with one call per slot at a time, 60 µs with
two, 50 µs with four: each hand-over then wakes both sides for more than one call.
"""
MAX_AHEAD = 32
NEXT_S = 0.05
"""While calls are shorter than this the next one is handed ahead, so that the slot need not wait for it: a fifth of a
millisecond or more, of which longer calls feel nothing. An idle slot takes it back (`Dispatcher`).
"""
BUNDLE_BYTES = 16 * 1024
"""Bodies are put into one message up to here; larger ones cost more than a wake-up."""
_SMOOTHING = 0.2


def most_held(run_s: float) -> int:
    """Calls that a slot holds at a time, the one that runs among them, while calls take so long."""
    if run_s < AHEAD_S:
        return min(MAX_AHEAD, 1 + int(AHEAD_S / max(run_s, 1e-6)))
    return 2 if run_s < NEXT_S else 1


class Slot:
    """`open` is False once no new call may come; `answered` counts the calls that are over."""

    def __init__(
        self,
        front_end: socket.socket,
        worker_end: socket.socket,
        cancel: Callable[[int], None] = lambda call_id: None,
        rooms: BufferPool | None = None,
    ) -> None:
        front_end.setblocking(False)
        self.open = True
        self.answered = 0
        self.chunk_at = 0.0
        """When the last piece of a stream came (monotonic): a stream is stuck when none comes for too long."""
        self.outstanding: deque[PendingCall] = deque()
        self.run_s = AHEAD_S
        self.cancel = cancel
        """Tells the worker that the stream of this call id is not wanted any more."""
        self._ahead = 1
        self._ahead_until_s = AHEAD_S
        self._rooms = rooms
        """The worker's own: where its answers may be put."""
        self._sizes = AnswerSizes(frames.INLINE_BYTES)
        self._held: list[Lease] = []
        """What the worker may still touch although its calls are over: until it is dead."""
        self._front_end = front_end
        self._worker_end = worker_end
        self._buffer = bytearray(frames.MESSAGE_BYTES)

    def fileno(self) -> int:
        return self._front_end.fileno()

    def has_capacity(self, now: float) -> bool:
        """Whether it takes another call now."""
        count = len(self.outstanding)
        if count == 0:
            return self.open
        return self.open and count < self._ahead and now - self.outstanding[0].started_at < self._ahead_until_s

    def hand(self, call: PendingCall, now: float) -> bool:
        """Sends `call` to the worker; False when the socket is full or closed, and the call stays queued.

        Raises OSError or MemoryError with nothing sent, where a large body finds no descriptor or no memory.
        """
        if not self._sent([call], call.frame):
            return False
        call.batch_id = call.call_id
        self.outstanding.append(call)
        if len(self.outstanding) == 1:
            call.start(now)
        return True

    def bundled_bytes(self, call: PendingCall) -> int | None:
        """How much of a message `call` would take; None where it must have one of its own."""
        if call.kind != Kind.CALL or not isinstance(call.body, bytes) or self._sizes.room:
            return None
        return len(call.head) + len(call.body)

    def capacity(self, now: float) -> int:
        """How many more calls may be handed to it at this moment."""
        return self._ahead - len(self.outstanding) if self.has_capacity(now) else 0

    def hand_bundle(self, calls: list[PendingCall], now: float) -> bool:
        """Sends `calls` as one message, as `hand` does; the worker runs and answers them one by one.

        Once it has read them none can be taken back, so none of them may have another slot to go to.
        """
        is_idle = not self.outstanding
        if not self._sent_together(Kind.BUNDLE, calls):
            return False
        if is_idle:
            calls[0].start(now)
        return True

    def take_unbegun(self) -> list[PendingCall]:
        """Of a worker that is dead, or has been told to begin nothing more: what it had read and not begun."""
        self.cancel(NO_MORE)
        back = [call for call in self.outstanding if call.state is CallState.HANDED]
        self.outstanding = deque(call for call in self.outstanding if call.state is not CallState.HANDED)
        return back

    def hand_batch(self, calls: list[PendingCall], now: float) -> bool:
        """Sends `calls` as one message, as `hand` does; all of them begin together, in an idle slot."""
        if not self._sent_together(Kind.BATCH, calls):
            return False
        for call in calls:
            call.start(now)
        return True

    def receive(self) -> Frame | None:
        """The next answer; None when there is none now. Raises BodyLost and MalformedFrame."""
        try:
            frame = frames.receive(self._front_end, self._buffer)
        except (BlockingIOError, ConnectionResetError):
            return None
        if frame is not None and self.outstanding and self.outstanding[0].call_id == frame.call_id:
            if frame.place is not None:
                frame.shared = _answer_in_room(self.outstanding[0], frame, frame.place)
                self._sizes.note(frame.place.length)
            elif frame.kind == Kind.ANSWER and (self._sizes.room or len(frame.body) > frames.INLINE_BYTES):
                self._sizes.note(len(frame.body))
        return frame

    def finish_head(self, now: float, *, body_kept: bool = False) -> None:
        """The oldest call is over: the next one has begun. `body_kept`: its script still refers to its body."""
        over = self.outstanding.popleft()
        if over.room is not None:
            over.free_room(LeaseEvent.ANSWER)
        if isinstance(over.body, Lease):
            over.body.note(LeaseEvent.KEEP if body_kept and over.body.lent else LeaseEvent.ANSWER)
            if over.body.state is LeaseState.KEPT:
                self._held.append(over.body)
        self.answered += 1
        if self.outstanding:
            head = self.outstanding[0]
            if head.state is CallState.HANDED:
                head.start(now)
            elif head.state is not CallState.RUNNING:  # dropped, or failed by its own deadline
                head.started_at = now

    def busy_since(self) -> float:
        """Since when the oldest call, or the next piece of its stream, is awaited."""
        return max(self.outstanding[0].started_at, self.chunk_at)

    def learn(self, run_s: float) -> None:
        self.run_s += _SMOOTHING * (run_s - self.run_s)
        self._ahead_until_s = max(AHEAD_S, self.run_s)
        self._ahead = most_held(self.run_s)

    @property
    def holds_next(self) -> bool:
        """Whether the call that it will run next lies in its socket, and for long enough to be worth fetching."""
        return len(self.outstanding) > 1 and self.run_s >= AHEAD_S

    def is_slow(self, now: float) -> bool:
        """Whether the oldest call runs for so long that those behind it are better off elsewhere."""
        return now - self.outstanding[0].started_at > 2 * self._ahead_until_s

    def take_back(self) -> list[PendingCall]:
        """Fetches the calls that the worker has not begun out of the socket, oldest first.

        The worker may read at the same time: the oldest of those that are left has begun, whatever was before it.
        """
        taken = set()
        while (batch_id := frames.discard(self._worker_end, self._buffer)) is not None:
            taken.add(batch_id)
        back = [call for call in self.outstanding if call.batch_id in taken]
        self.outstanding = deque(call for call in self.outstanding if call.batch_id not in taken)
        if self.outstanding and self.outstanding[0].state is CallState.HANDED:
            self.outstanding[0].start(time.monotonic())
        for call in back:
            call.free_room(LeaseEvent.TAKE_BACK)
            if isinstance(call.body, Lease):
                call.body.note(LeaseEvent.TAKE_BACK)
        return back

    def abandon(self) -> None:
        """The outstanding calls have their ends, but the worker may still be busy with one."""
        for call in self.outstanding:
            self._held += call.leases()
        self.outstanding.clear()

    def close(self) -> None:
        """Only when the worker has ended: its memory is used again."""
        self.open = False
        self.abandon()
        for lease in self._held:
            lease.note(LeaseEvent.DIE)
        self._held.clear()
        self._front_end.close()
        self._worker_end.close()

    def end_input(self) -> None:
        """No more calls: the worker's loop ends after the ones it has, and can still answer them."""
        self.open = False
        self._front_end.shutdown(socket.SHUT_WR)

    def _give_room(self, calls: list[PendingCall]) -> None:
        """For answers as large as the last ones; none where they are small, or nothing is free."""
        if self._rooms is None or not self._sizes.room:
            return
        for call in calls:
            call.room = self._rooms.lease(self._sizes.room)

    def _sent_together(self, kind: int, calls: list[PendingCall]) -> bool:
        batch_id = calls[0].call_id

        def frame() -> Frame:
            return Frame(kind, batch_id, b"", frames.encode_batch(call.frame() for call in calls))

        if not self._sent(calls, frame):
            return False
        for call in calls:
            call.batch_id = batch_id
        self.outstanding.extend(calls)
        return True

    def _sent(self, calls: list[PendingCall], frame: Callable[[], Frame]) -> bool:
        """Gives `calls` room and sends the frame that holds them; if that is not possible, everything is as before."""
        sent = False
        try:
            if self._sizes.room:
                self._give_room(calls)
            frames.send(self._front_end, frame())
            sent = True
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return False
        finally:
            if not sent:
                for call in calls:
                    call.free_room()
        for call in calls:
            call.on_handed()
        return True


def _answer_in_room(call: PendingCall, frame: Frame, place: Place) -> SharedAnswer:
    """Raises MalformedFrame where the worker says that its answer lies anywhere else, or is no whole one."""
    room, is_whole = call.room, frame.kind == Kind.ANSWER and not frame.flags & Flag.MORE
    if room is None or not is_whole or place.offset != room.offset or place.length > room.size:
        raise MalformedFrame(f"an answer of {place.length} bytes is said to lie where it was given no room")
    call.room = None
    room.length = place.length
    return SharedAnswer(room)
