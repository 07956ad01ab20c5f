"""Bodies in shared memory between dispatcher, slots and a worker that the test plays: each is its own call's alone."""

from __future__ import annotations

import asyncio

import pytest

from plimsoll.errors import DeadlineExceeded, QueueFull, WorkerDied
from plimsoll.workers import frames
from plimsoll.workers.features import BatchLimits
from plimsoll.workers.frames import Flag, Frame, Kind, Place
from plimsoll.workers.lifecycle import CallState
from plimsoll.workers.shared.buffers import SharedAnswer
from plimsoll.workers.shared.leases import LeaseState
from plimsoll.workers.shared.ranges import GRANULE_BYTES
from plimsoll.workers.spec import Limits
from support.memory import Memory, turns
from support.stage import Stage, on_stage
from support.worker_end import send

ANSWER_BYTES = frames.INLINE_BYTES + 1


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
