"""A call that the front has accepted and not yet answered."""

from __future__ import annotations

import json
from typing import Protocol

from plimsoll.errors import RequestError
from plimsoll.workers.frames import Flag, Frame, Kind, MalformedFrame, Place
from plimsoll.workers.lifecycle import CALL_TABLE, CallEvent, CallState, advance
from plimsoll.workers.shared.buffers import Lease
from plimsoll.workers.shared.leases import LeaseEvent

_ENDED = (CallState.ANSWERED, CallState.FAILED, CallState.DROPPED)


class Receiver(Protocol):
    """Whoever waits for a call; called on the event loop."""

    def on_frame(self, frame: Frame) -> None:
        """The ANSWER, then CHUNKs while more is promised; one with ABORTED if the stream cannot be gone on with."""

    def on_failed(self, error: RequestError) -> None:
        """The call has ended without an answer from the script."""


class PendingCall:
    """One call on its way to `receiver`, who hears of exactly one end unless the call is dropped.

    Times are seconds of the monotonic clock: `queued_at` when it was accepted, `started_at` when
    it became the oldest call of its slot, which is when the worker can have begun it.
    """

    __slots__ = (
        "batch_id",
        "body",
        "call_id",
        "head",
        "kind",
        "paused",
        "queued_at",
        "receiver",
        "request_id",
        "room",
        "started_at",
        "state",
        "streaming",
    )

    def __init__(
        self,
        call_id: int,
        head: bytes,
        body: bytes | Lease,
        queued_at: float,
        receiver: Receiver,
        request_id: bytes = b"",
        kind: int = Kind.CALL,
    ) -> None:
        self.call_id = call_id
        self.kind = kind
        """CONTROL for a question to the worker itself."""
        self.batch_id = call_id
        """The id of the message that handed it over: of its batch, where it came in one."""
        self.request_id = request_id
        self.head = head
        self.body = body
        self.queued_at = queued_at
        self.started_at = 0.0
        self.state = CallState.QUEUED
        self.receiver = receiver
        self.streaming = False
        """The worker has begun an answer that goes on, whether or not anybody still waits for it."""
        self.paused = False
        """The receiver takes no more of the stream now, so its slot is not read."""
        self.room: Lease | None = None
        """Where the worker that has the call may put its answer."""

    def note(self, event: CallEvent) -> None:
        self.state = advance(CALL_TABLE, self.state, event)
        if isinstance(self.body, Lease) and self.state in _ENDED:
            self.body.release()

    def frame(self) -> Frame:
        """The message for the worker; a large body is only named in it, by its place in shared memory."""
        room = None if self.room is None else Place(self.room.offset, self.room.size)
        body = self.body
        if isinstance(body, bytes):
            return Frame(self.kind, self.call_id, self.head, body, tag=self.request_id, room=room)
        flags = Flag.LEND if body.lend() else Flag.NONE
        place = Place(body.offset, body.length)
        return Frame(self.kind, self.call_id, self.head, b"", flags, tag=self.request_id, place=place, room=room)

    def leases(self) -> list[Lease]:
        """The memory that a worker has, or is about to have, through this call."""
        body = [self.body] if isinstance(self.body, Lease) else []
        return body if self.room is None else [*body, self.room]

    def on_handed(self) -> None:
        """From here on a worker may read the body, so its memory is not free until the call ends."""
        if isinstance(self.body, Lease):
            self.body.note(LeaseEvent.HAND)
        if self.room is not None:
            self.room.note(LeaseEvent.SUBMIT)
            self.room.note(LeaseEvent.HAND)
        self.note(CallEvent.HAND)

    def free_room(self, event: LeaseEvent | None = None) -> None:
        """Whoever had it has not used it, and will not."""
        if self.room is not None:
            if event is not None:
                self.room.note(event)
            self.room.release()
            self.room = None

    def start(self, now: float) -> None:
        self.started_at = now
        self.note(CallEvent.START)

    def check(self, frame: Frame) -> None:
        """Raises MalformedFrame unless `frame` can come next: an ANSWER once, then CHUNKs if more was promised."""
        if self.streaming and frame.kind == Kind.CHUNK:
            return
        if self.streaming or frame.kind != Kind.ANSWER or not 200 <= frame.status < 600:
            raise MalformedFrame(f"a frame of kind {frame.kind} with status {frame.status} cannot come now")
        if frame.flags & Flag.ERROR and self.state is CallState.RUNNING and not _is_object(frame.body):
            raise MalformedFrame("an error that is no JSON object")

    def resolve(self, frame: Frame) -> None:
        """Takes an ANSWER or CHUNK frame; the call stays RUNNING while more is to come."""
        self.streaming = bool(frame.flags & Flag.MORE)
        if self.state is not CallState.RUNNING:  # nobody waits for it any more
            if frame.shared is not None:
                frame.shared.release()
            return
        if not self.streaming:
            self.note(CallEvent.ANSWER)
        self.receiver.on_frame(frame)

    def fail(self, error: RequestError) -> None:
        """Ends the call with `error`, unless it has ended; one that is already streaming is cut off instead."""
        if self.state in _ENDED:
            return
        self.note(CallEvent.FAIL)
        if self.streaming:
            self.receiver.on_frame(Frame(Kind.CHUNK, self.call_id, flags=Flag.ABORTED))
        else:
            self.receiver.on_failed(error)


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
