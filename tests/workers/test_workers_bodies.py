"""Bodies in shared memory between dispatcher, slots and a worker that the test plays: each is its own call's alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.errors import DeadlineExceeded, QueueFull, WorkerDied
from plimsoll.workers import frames
from plimsoll.workers.buffers import BufferPool, Lease, SharedAnswer
from plimsoll.workers.features import BatchLimits
from plimsoll.workers.frames import Flag, Frame, Kind, Place
from plimsoll.workers.leases import LeaseState
from plimsoll.workers.lifecycle import CallState
from plimsoll.workers.ranges import GRANULE_BYTES
from plimsoll.workers.slot import Slot
from plimsoll.workers.spec import Limits
from support.stage import PATIENT, Stage, StageCall, on_stage
from support.worker_end import send, unread

POOL_BYTES = 16 * GRANULE_BYTES
ANSWER_BYTES = frames.INLINE_BYTES + 1


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


def test_a_body_is_handed_over_by_its_place_and_free_with_the_answer() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot, lease = memory.add_slot(), memory.filled(b"large")
        call = stage.submit(lease)
        frame = await stage.read(slot)
        assert (frame.body, memory.seen(frame.place)) == (b"", b"large")
        assert lease.state is LeaseState.HANDED
        memory.answer(slot, frame, b"done")
        assert (await call.answer).body == b"done"
        await turns()
        assert (lease.state, memory.bodies.used) == (LeaseState.FREE, 0)


@pytest.mark.parametrize("leaves", ["deadline", "client"])
def test_a_body_that_run_still_reads_is_not_free_when_its_caller_has_gone(leaves: str) -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot, lease = memory.add_slot(), memory.filled(b"large")
        call = stage.submit(lease, 0.01 if leaves == "deadline" else None)
        frame = await stage.read(slot)
        if leaves == "deadline":
            with pytest.raises(DeadlineExceeded):
                await call.answer
        else:
            stage.drop(call)
        lease.release()  # as whoever has sent the 504 does
        assert (lease.state, memory.bodies.used) == (LeaseState.UNWANTED, GRANULE_BYTES)
        memory.answer(slot, frame, b"late")
        while slot.outstanding:
            await asyncio.sleep(0)
        assert (lease.state, memory.bodies.used) == (LeaseState.FREE, 0)


def test_a_stuck_worker_has_its_body_until_it_is_dead() -> None:
    @on_stage(Limits(scoring_timeout_s=0.05, queue_timeout_s=30, max_queue=10), slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot, lease = memory.add_slot(), memory.filled(b"large")
        call = stage.submit(lease)
        await stage.read(slot)
        while not stage.stuck:
            await asyncio.sleep(0.01)
        assert call.state is CallState.FAILED
        call.answer.exception()
        assert (lease.state, memory.bodies.used) == (LeaseState.UNWANTED, GRANULE_BYTES)
        stage.dispatcher.remove(slot, WorkerDied("killed"))
        assert (lease.state, memory.bodies.used) == (LeaseState.FREE, 0)


def test_a_body_that_was_not_begun_goes_to_another_worker() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        first, lease = memory.add_slot(), memory.filled(b"large")
        call = stage.submit(lease)
        await turns()
        assert lease.state is LeaseState.HANDED
        stage.dispatcher.remove(first, WorkerDied("killed"))
        assert lease.state is LeaseState.QUEUED
        second = memory.add_slot()
        frame = await stage.read(second)
        assert memory.seen(frame.place) == b"large"
        memory.answer(second, frame, b"done")
        assert (await call.answer).body == b"done"


def test_a_body_whose_caller_has_gone_is_free_once_it_is_taken_back() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot, lease = memory.add_slot(), memory.filled(b"large")
        call = stage.submit(lease)
        await turns()
        stage.drop(call)
        assert lease.state is LeaseState.UNWANTED
        stage.dispatcher.retire(slot)
        assert (lease.state, memory.bodies.used) == (LeaseState.FREE, 0)


@pytest.mark.parametrize("ends", ["dropped", "expired", "shut down", "not admitted"])
def test_a_body_in_the_queue_is_free_when_its_call_ends(ends: str) -> None:
    limits = Limits(30, 0.02 if ends == "expired" else 30, max_queue=0 if ends == "not admitted" else 10)

    @on_stage(limits, slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        lease = memory.filled(b"large")
        if ends == "not admitted":
            with pytest.raises(QueueFull):
                stage.submit(lease)
            assert lease.state is LeaseState.FILLING, "it is still the caller's"
            lease.release()
        else:
            call = stage.submit(lease)
            if ends == "dropped":
                stage.drop(call)
            elif ends == "shut down":
                stage.dispatcher.fail_queued(WorkerDied("over"))
            while not call.answer.done():
                await asyncio.sleep(0.01)
        assert (lease.state, memory.bodies.used) == (LeaseState.FREE, 0)


def test_a_body_that_the_script_keeps_is_not_used_again_until_its_worker_is_dead() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot, lease = memory.add_slot(), memory.filled(b"large")
        call = stage.submit(lease)
        frame = await stage.read(slot)
        assert frame.flags & Flag.LEND
        memory.answer(slot, frame, b"done", Flag.BODY_KEPT)
        await call.answer
        await turns()
        lease.release()
        assert (lease.state, memory.bodies.used) == (LeaseState.KEPT, GRANULE_BYTES)
        stage.dispatcher.remove(slot, WorkerDied("killed"))
        assert memory.bodies.used == 0


def test_large_answers_get_room_and_keep_it_until_they_are_sent() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot = memory.add_slot()
        call = stage.submit(b"first")
        frame = await stage.read(slot)
        assert frame.room is None, "nothing is known of the answers yet"
        memory.answer(slot, frame, b"1" * ANSWER_BYTES)
        assert (await call.answer).body == b"1" * ANSWER_BYTES
        held: list[SharedAnswer] = []
        for text in (b"2", b"3"):
            call = stage.submit(b"next")
            memory.answer(slot, await stage.read(slot), text * ANSWER_BYTES)
            shared = (await call.answer).shared
            assert shared is not None
            held.append(shared)
        assert [bytes(one.view) for one in held] == [b"2" * ANSWER_BYTES, b"3" * ANSWER_BYTES]
        stage.dispatcher.remove(slot, WorkerDied("killed"))
        assert bytes(held[0].view) == b"2" * ANSWER_BYTES, "what is being sent outlives its worker"
        for one in held:
            one.release()
        assert memory.rooms[slot].used == 0


def test_an_answer_that_comes_as_its_client_leaves_is_free() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot = memory.add_slot()
        call = stage.submit(b"first")
        memory.answer(slot, await stage.read(slot), b"1" * ANSWER_BYTES)
        await call.answer
        for leaves_before in (True, False):
            call = stage.submit(b"next")
            frame = await stage.read(slot)
            if leaves_before:
                stage.drop(call)
            memory.answer(slot, frame, b"2" * ANSWER_BYTES)
            while slot.outstanding:
                await asyncio.sleep(0)
            assert memory.rooms[slot].used == (0 if leaves_before else call.answer.result().shared._lease.size)
            stage.drop(call)
            assert memory.rooms[slot].used == 0


def test_room_that_is_not_used_is_free_with_the_answer() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot = memory.add_slot()
        for size in (ANSWER_BYTES, 5, 10 * ANSWER_BYTES):
            call = stage.submit(b"next")
            frame = await stage.read(slot)
            send(slot, Frame(Kind.ANSWER, frame.call_id, body=b"x" * size, status=200))
            assert len((await call.answer).body) == size
        await turns()
        assert memory.rooms[slot].used == 0


def test_a_batch_carries_bodies_of_both_kinds() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        stage.dispatcher.batch = BatchLimits(4, 0.0)
        leases = [memory.filled(b"large"), memory.filled(b"larger")]
        calls = [stage.submit(b"small"), *map(stage.submit, leases)]
        slot = memory.add_slot()
        items = frames.decode_batch((await stage.read(slot)).body)
        assert [item.body or memory.seen(item.place) for item in items] == [b"small", b"large", b"larger"]
        for item, flags in zip(items, (0, Flag.BODY_KEPT, 0), strict=True):
            memory.answer(slot, item, b"%d" % item.call_id, flags)
        assert [(await call.answer).body for call in calls] == [b"%d" % call.call_id for call in calls]
        await turns()
        assert [lease.state for lease in leases] == [LeaseState.KEPT, LeaseState.FREE]


LIES = {
    "no room was given": lambda frame: Frame(Kind.ANSWER, frame.call_id, status=200, place=Place(0, 1)),
    "somewhere else": lambda frame: Frame(Kind.ANSWER, frame.call_id, status=200, place=Place(GRANULE_BYTES * 9, 1)),
    "more than the room": lambda frame: Frame(
        Kind.ANSWER, frame.call_id, status=200, place=Place(frame.room.offset, frame.room.length + 1)
    ),
    "a piece of a stream": lambda frame: Frame(
        Kind.ANSWER, frame.call_id, flags=Flag.MORE, status=200, place=Place(frame.room.offset, 1)
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_lies_about_its_answers_place_is_not_believed(lie: str) -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        memory = Memory(stage)
        slot = memory.add_slot()
        if lie != "no room was given":
            call = stage.submit(b"first")
            memory.answer(slot, await stage.read(slot), b"1" * ANSWER_BYTES)
            await call.answer
        call = stage.submit(b"next")
        send(slot, LIES[lie](await stage.read(slot)))
        with pytest.raises(Exception, match="sent what is no answer"):
            await call.answer
        assert len(stage.broken) == 1
        stage.dispatcher.remove(slot, WorkerDied("killed"))
        assert memory.rooms[slot].used == 0


@dataclass
class Played:
    """What the test knows of one slot's worker: the call that it runs, what its script has kept."""

    slot: Slot
    running: tuple[Frame, bytes] | None = None
    kept: list[tuple[Place, bytes]] = field(default_factory=list)


class Game:
    """Random events on a stage; after each of them every body that a living worker can see must be as it was sent."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.memory = Memory(stage)
        self.workers = [Played(self.memory.add_slot()) for _ in range(2)]
        self.sent: dict[int, bytes] = {}
        self.calls: list[StageCall] = []
        self.answers: list[tuple[SharedAnswer, bytes]] = []
        self.number = 0

    def submit(self, which: int) -> None:
        self.number += 1
        text = b"%d." % self.number * 1000
        lease = self.memory.bodies.lease((which % 5 + 1) * GRANULE_BYTES)
        if lease is None:
            return
        lease.view[: len(text)] = text
        lease.length = len(text)
        call = self.stage.submit(lease)
        self.sent[call.call_id] = text
        self.calls.append(call)

    def read(self, which: int) -> None:
        worker = self._worker(which)
        if worker.running is None and (frame := unread(worker.slot)) is not None:
            assert frame.place is not None
            worker.running = (frame, self.sent[frame.call_id])

    def answer(self, which: int) -> None:
        worker = self._worker(which)
        if worker.running is None:
            return
        (frame, text), worker.running = worker.running, None
        keeps = which % 3 == 0 and bool(frame.flags & Flag.LEND)
        if keeps and frame.place is not None:
            worker.kept.append((frame.place, text))
        large = ANSWER_BYTES if which % 2 else 1
        body = text * (large // len(text) + 1)
        self.memory.answer(worker.slot, frame, body, Flag.BODY_KEPT if keeps else 0)

    async def exchange(self, which: int) -> None:
        """A call from beginning to end, with a large answer: from the second one on it has room."""
        for event in (self.submit, self.read, self.answer):
            event(which - which % 2 + 1)
            await turns()

    def leave(self, which: int) -> None:
        if self.calls:
            self.stage.drop(self.calls.pop(which % len(self.calls)))

    def pass_deadline(self, which: int) -> None:
        if self.calls:
            self.stage.dispatcher._expire(self.calls[which % len(self.calls)].pending, 1.0)

    def give_up(self, which: int) -> None:
        """As for a stuck worker, which lives on for a while."""
        self.stage.dispatcher._give_up(self._worker(which).slot, WorkerDied("stuck"))

    def kill(self, which: int) -> None:
        worker = self._worker(which)
        self.stage.dispatcher.remove(worker.slot, WorkerDied("killed"))
        self.workers.remove(worker)
        self.workers.append(Played(self.memory.add_slot()))

    def send_answer(self, which: int) -> None:
        if self.answers:
            shared, _ = self.answers.pop(which % len(self.answers))
            shared.release()

    def sweep(self, which: int) -> None:
        self.memory.bodies.give_back_unused()

    def check(self) -> None:
        for call in [call for call in self.calls if call.answer.done()]:
            self.calls.remove(call)
            if call.answer.exception() is None and (shared := call.answer.result().shared) is not None:
                self.answers.append((shared, self.sent[call.call_id]))
        for worker in self.workers:
            seen = [(worker.running[0].place, worker.running[1])] if worker.running else []
            for place, text in [*seen, *worker.kept]:
                assert self.memory.seen(place) == text
        for shared, text in self.answers:
            assert bytes(shared.view).startswith(text)
        assert self.memory.bodies.used <= POOL_BYTES

    def finish(self) -> None:
        for call in self.calls:
            self.stage.drop(call)
        for worker in self.workers:
            self.stage.dispatcher.remove(worker.slot, WorkerDied("over"))
        for shared, _ in self.answers:
            shared.release()
        assert self.memory.bodies.used == 0
        assert [rooms.used for rooms in self.memory.rooms.values()] == [0] * len(self.memory.rooms)

    def _worker(self, which: int) -> Played:
        return self.workers[which % len(self.workers)]


EVENTS = ["submit", "read", "answer", "leave", "pass_deadline", "give_up", "kill", "send_answer", "sweep"]
OFTEN = [*EVENTS, "submit", "read", "answer", "read", "answer", "exchange", "exchange"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OFTEN), st.integers(0, 1000)), min_size=20, max_size=80))
def test_in_any_order_of_events_no_body_changes_under_its_worker_and_all_memory_comes_back(
    events: list[tuple[str, int]],
) -> None:
    @on_stage(PATIENT, slots=0)
    async def body(stage: Stage) -> None:
        game = Game(stage)
        for event, which in events:
            step = getattr(game, event)(which)
            await (turns(3) if step is None else step)
            game.check()
        game.finish()
