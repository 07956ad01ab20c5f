"""A dispatcher with real slots, on which a test plays the worker."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from plimsoll.errors import WorkerDied
from plimsoll.workers.dispatch.awaited import Awaited
from plimsoll.workers.dispatch.dispatcher import Dispatcher
from plimsoll.workers.dispatch.pending import PendingCall
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.frames import Flag, Frame, Kind
from plimsoll.workers.lifecycle import CallState
from plimsoll.workers.shared.buffers import BufferPool, Lease
from plimsoll.workers.spec import Limits
from support.server import PATIENCE_S
from support.worker_end import send, unread

PATIENT = Limits(scoring_timeout_s=30, queue_timeout_s=30, max_queue=100)


class StageCall:
    """A call that was submitted, and what comes back for it."""

    def __init__(self, pending: PendingCall, awaited: Awaited) -> None:
        self.pending = pending
        self.answer = awaited.answer
        self.chunks = awaited.chunks

    @property
    def call_id(self) -> int:
        return self.pending.call_id

    @property
    def state(self) -> CallState:
        return self.pending.state


class Stage:
    """A dispatcher and the worker's ends of its slots."""

    def __init__(self, limits: Limits = PATIENT, slots: int = 1) -> None:
        self.stuck: list[Slot] = []
        self.broken: list[str] = []
        self.idle: list[Slot] = []
        self.batches: list[int] = []
        self.dispatcher = Dispatcher(limits, self)
        self.slots = [self.add_slot() for _ in range(slots)]

    def add_slot(self, rooms: BufferPool | None = None) -> Slot:
        slot = Slot(*socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET), rooms=rooms)
        self.dispatcher.add(slot)
        return slot

    def on_stuck(self, slot: Slot, request_id: str) -> None:
        self.stuck.append(slot)

    def on_broken(self, slot: Slot, reason: str) -> None:
        self.broken.append(reason)

    def on_idle(self, slot: Slot) -> None:
        self.idle.append(slot)

    def on_batch(self, size: int) -> None:
        self.batches.append(size)

    def submit(self, body: bytes | Lease, timeout_s: float | None = None) -> StageCall:
        awaited = Awaited()
        return StageCall(self.dispatcher.submit(b"", body, awaited, timeout_s), awaited)

    def drop(self, call: StageCall) -> None:
        """As a client does that leaves, be it with its answer on the way."""
        self.dispatcher.drop(call.pending)
        if not call.answer.cancel() and not call.answer.cancelled() and call.answer.exception() is None:
            shared = call.answer.result().shared
            if shared is not None:
                shared.release()

    async def read(self, slot: Slot) -> Frame:
        """The next call, as the worker would read it."""
        while (frame := unread(slot)) is None:
            await asyncio.sleep(0.001)
        return frame

    def answer(self, slot: Slot, frame: Frame, run_s: float = 0.0, flags: int = Flag.RUN_RETURNED) -> None:
        reply = Frame(
            Kind.ANSWER, frame.call_id, body=b"re:" + frame.body, flags=flags, status=200, run_ns=int(run_s * 1e9)
        )
        send(slot, reply)

    async def run_one(self, slot: Slot, run_s: float = 0.0) -> Frame:
        frame = await self.read(slot)
        self.answer(slot, frame, run_s)
        return frame

    def close(self) -> None:
        for slot in list(self.dispatcher.slots):
            self.dispatcher.remove(slot, WorkerDied("over"))


def on_stage(limits: Limits = PATIENT, slots: int = 1) -> Callable[[Callable[[Stage], Awaitable[None]]], None]:
    """Runs an async test body against a fresh stage."""

    def run(body: Callable[[Stage], Awaitable[None]]) -> None:
        async def with_stage() -> None:
            stage = Stage(limits, slots)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await body(stage)
            finally:
                stage.close()

        asyncio.run(with_stage())

    return run
