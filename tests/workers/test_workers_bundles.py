"""Calls that come together go to the only slot as one message, and each still has an end of its own."""

from __future__ import annotations

import asyncio
import time

import pytest

from plimsoll.errors import ScoringTimeout, WorkerBroke, WorkerDied
from plimsoll.workers import frames
from plimsoll.workers.dispatch.slot import BUNDLE_BYTES
from plimsoll.workers.frames import Frame, Kind
from plimsoll.workers.shared.cancel import NO_MORE
from plimsoll.workers.spec import Limits
from support.stage import Stage, StageCall, on_stage
from support.worker_end import send_raw


async def learned(stage: Stage) -> None:
    """The slot has seen that calls are short."""
    for _ in range(30):
        call = stage.submit(b"warm")
        await stage.run_one(stage.slots[0])
        await call.answer


async def bundled(stage: Stage, *bodies: bytes) -> tuple[list[StageCall], list[Frame]]:
    """Calls of one turn of the loop: the first goes at once, the others in one message."""
    await learned(stage)
    first = stage.submit(b"first")
    calls = [stage.submit(body) for body in bodies]
    stage.answer(stage.slots[0], await stage.read(stage.slots[0]))
    await first.answer
    message = await stage.read(stage.slots[0])
    assert message.kind == Kind.BUNDLE
    return calls, frames.decode_batch(message.body)


def test_calls_of_one_turn_are_one_message_and_answered_one_by_one() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        calls, items = await bundled(stage, b"a", b"b", b"c")
        assert [item.body for item in items] == [b"a", b"b", b"c"]
        for call, item in zip(calls, items, strict=True):
            stage.answer(stage.slots[0], item)
            assert (await call.answer).body == b"re:" + item.body
        assert stage.dispatcher.running == 0


def test_where_another_slot_could_run_them_calls_are_handed_over_one_by_one() -> None:
    @on_stage(slots=2)
    async def body(stage: Stage) -> None:
        for _ in range(60):
            call = stage.submit(b"warm")
            await asyncio.gather(*(stage.run_one(slot) for slot in stage.slots if slot.outstanding))
            await call.answer
        for _ in range(6):
            stage.submit(b"x")
        for slot in stage.slots:
            assert (await stage.read(slot)).kind == Kind.CALL


@pytest.mark.parametrize("size", [BUNDLE_BYTES, frames.INLINE_BYTES * 2])
def test_a_large_call_has_a_message_of_its_own(size: int) -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        await learned(stage)
        stage.submit(b"first")
        for text in (b"small", b"x" * size, b"small"):
            stage.submit(text)
        slot = stage.slots[0]
        assert [(await stage.read(slot)).kind for _ in range(4)] == [Kind.CALL] * 4


def test_what_a_dead_worker_had_read_and_not_begun_is_run_elsewhere() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        calls, items = await bundled(stage, b"a", b"b", b"c")
        slot = stage.slots[0]
        stage.answer(slot, items[0])  # unread by the front when the worker dies in b
        stage.dispatcher.remove(slot, WorkerDied("died"))
        successor = stage.add_slot()
        assert (await calls[0].answer).body == b"re:a"
        with pytest.raises(WorkerDied):
            await calls[1].answer
        assert (await stage.run_one(successor)).body == b"c"
        assert (await calls[2].answer).body == b"re:c"


def test_behind_a_stuck_call_nothing_of_its_bundle_is_begun() -> None:
    @on_stage(Limits(scoring_timeout_s=1.0, queue_timeout_s=30, max_queue=10))
    async def body(stage: Stage) -> None:
        slot, told = stage.slots[0], list[int]()
        slot.cancel = told.append
        calls, items = await bundled(stage, b"a", b"b", b"c")
        with pytest.raises(ScoringTimeout):
            await calls[0].answer
        assert told == [NO_MORE]
        stage.answer(slot, items[0])  # too late
        successor = stage.add_slot()
        for call, text in zip(calls[1:], (b"b", b"c"), strict=True):
            assert (await stage.run_one(successor)).body == text
            assert (await call.answer).body == b"re:" + text


def test_a_front_that_looks_late_takes_no_answered_call_for_stuck() -> None:
    """Stopped past the scoring timeout, say: the answer is there, unread, and the worker has begun the next call."""

    @on_stage(Limits(scoring_timeout_s=1.0, queue_timeout_s=30, max_queue=10))
    async def body(stage: Stage) -> None:
        calls, items = await bundled(stage, b"a", b"b")
        stage.answer(stage.slots[0], items[0])
        time.sleep(1.1)  # noqa: ASYNC251  the loop itself stands still
        stage.dispatcher._on_sweep(time.monotonic())
        assert (await calls[0].answer).body == b"re:a"
        assert stage.stuck == []
        assert stage.dispatcher.queue_length == 0, "the call that has begun is nobody else's"
        stage.answer(stage.slots[0], items[1])
        assert (await calls[1].answer).body == b"re:b"


def test_what_a_worker_that_broke_the_protocol_may_have_begun_is_not_run_again() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        calls, _ = await bundled(stage, b"a", b"b")
        send_raw(stage.slots[0], b"no frame")
        for call in calls:
            with pytest.raises(WorkerBroke):
                await call.answer
        assert stage.dispatcher.queue_length == 0


def test_a_bundle_that_was_not_read_is_taken_back_whole() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        await learned(stage)
        calls = [stage.submit(b"%d" % number) for number in range(4)]
        begun = await stage.read(stage.slots[0])
        await asyncio.sleep(0)
        stage.dispatcher.retire(stage.slots[0])
        successor = stage.add_slot()
        for call, text in zip(calls[1:], (b"1", b"2", b"3"), strict=True):
            frame = await stage.read(successor)
            items = frames.decode_batch(frame.body) if frame.kind == Kind.BUNDLE else [frame]
            for item in items:
                stage.answer(successor, item)
            assert (await call.answer).body == b"re:" + text
        stage.answer(stage.slots[0], begun)
        assert (await calls[0].answer).body == b"re:0"
