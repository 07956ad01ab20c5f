"""Shared memory for bodies and answers on a stage, as the worker that a test plays sees it."""

from __future__ import annotations

import asyncio

from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.frames import Frame, Kind, Place
from plimsoll.workers.shared.buffers import BufferPool, Lease
from plimsoll.workers.shared.ranges import GRANULE_BYTES
from support.stage import Stage
from support.worker_end import send

POOL_BYTES = 16 * GRANULE_BYTES


class Memory:
    """A pool for bodies, and for each slot one for its answers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.loop = asyncio.get_running_loop()
        self.bodies = BufferPool(POOL_BYTES, self.loop)
        self.rooms: dict[Slot, BufferPool] = {}

    def add_slot(self) -> Slot:
        rooms = BufferPool(POOL_BYTES, self.loop, worker_writes=True)
        slot = self.stage.add_slot(rooms)
        self.rooms[slot] = rooms
        return slot

    def filled(self, text: bytes, size: int = 1) -> Lease:
        lease = self.bodies.lease(size)
        assert lease is not None
        lease.view[: len(text)] = text
        lease.length = len(text)
        return lease

    def seen(self, place: Place | None) -> bytes:
        """What a worker sees there."""
        assert place is not None
        return bytes(self.bodies.memory.view[place.offset : place.offset + place.length])

    def answer(self, slot: Slot, frame: Frame, body: bytes, flags: int = 0) -> None:
        """As a worker would: in the room that it was given, else beside the frame."""
        reply = Frame(Kind.ANSWER, frame.call_id, flags=flags, status=200)
        if frame.room is not None and len(body) <= frame.room.length:
            self.rooms[slot].memory.view[frame.room.offset : frame.room.offset + len(body)] = body
            reply.place = Place(frame.room.offset, len(body))
        else:
            reply.body = body
        send(slot, reply)


async def turns(count: int = 4) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
