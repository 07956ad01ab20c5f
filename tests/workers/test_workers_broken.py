"""What goes wrong between the front and a worker ends calls with a reason, and nothing else: the dispatcher's rules."""

from __future__ import annotations

import array
import asyncio
import os
import random
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from plimsoll.errors import AnswerLost, HandOverFailed, RequestError, WorkerBroke
from plimsoll.workers import frames
from plimsoll.workers.features import BatchLimits
from plimsoll.workers.frames import Flag, Frame, Kind
from plimsoll.workers.lifecycle import CallState
from support.descriptors import named_descriptors
from support.stage import Stage, on_stage
from support.worker_end import send, send_raw, unread

LARGE = bytes(frames.INLINE_BYTES + 1)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Nothing can be opened inside; what is open stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/dev/null", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def ending(call: asyncio.Future[Frame]) -> RequestError:
    with pytest.raises(RequestError) as failure:
        async with asyncio.timeout(5):
            await call
    return failure.value


async def answers(stage: Stage, body: bytes) -> bytes:
    """What a call after the fault gets: the slot must be as good as new."""
    call = stage.submit(body)
    await stage.run_one(stage.slots[0])
    async with asyncio.timeout(5):
        return (await call.answer).body


def test_a_call_that_cannot_be_handed_over_ends_and_the_rest_of_the_queue_goes_on() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        with no_descriptors():
            large, small = stage.submit(LARGE), stage.submit(b"small")
            error = await ending(large.answer)
            await asyncio.sleep(0)
            handed = unread(stage.slots[0])
        assert isinstance(error, HandOverFailed)
        assert (error.status, error.retry_after_s) == (503, 1)
        assert "Too many open files" in error.message
        assert handed is not None
        stage.answer(stage.slots[0], handed)
        assert (await small.answer).body == b"re:small"
        assert (stage.dispatcher.queue_length, stage.dispatcher.running) == (0, 0)
        assert await answers(stage, LARGE) == b"re:" + LARGE


def test_a_batch_that_cannot_be_handed_over_ends_whole() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        stage.dispatcher.batch = BatchLimits(4, 0.0)
        calls = [stage.submit(LARGE), stage.submit(b"2")]
        with no_descriptors():
            errors = [await ending(call.answer) for call in calls]
        assert all(isinstance(error, HandOverFailed) for error in errors)
        assert (stage.dispatcher.queue_length, stage.dispatcher.running) == (0, 0)


def test_an_answer_that_cannot_be_taken_ends_its_call_and_frees_the_slot() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        call = stage.submit(b"one")
        frame = await stage.read(stage.slots[0])
        stage.answer(stage.slots[0], Frame(Kind.CALL, frame.call_id, body=LARGE))
        with no_descriptors():
            error = await ending(call.answer)
        assert isinstance(error, AnswerLost)
        assert error.status == 502
        assert call.state is CallState.FAILED
        assert (stage.dispatcher.running, stage.broken) == (0, [])
        assert await answers(stage, b"next") == b"re:next"


def test_a_chunk_that_cannot_be_taken_breaks_the_stream_off_and_frees_the_slot() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        cancelled: list[int] = []
        slot = stage.slots[0]
        slot.cancel = cancelled.append
        call = stage.submit(b"one")
        frame = await stage.read(slot)
        send(slot, Frame(Kind.ANSWER, frame.call_id, flags=Flag.MORE, status=200))
        await call.answer
        send(slot, Frame(Kind.CHUNK, frame.call_id, body=LARGE, flags=Flag.MORE))
        with no_descriptors():
            assert (await call.chunks.get()).flags & Flag.ABORTED
        assert frame.call_id in cancelled
        send(slot, Frame(Kind.CHUNK, frame.call_id))
        assert await answers(stage, b"next") == b"re:next"


GARBAGE = {
    "one byte": b"\x00",
    "half a header": frames._HEADER.pack(Kind.ANSWER, 0, 200, 1, 0, 0, 0, 0)[:11],
    "a length that is not so": frames._HEADER.pack(Kind.ANSWER, 0, 200, 1, 0, 999, 0, 0) + b"short",
    "an unknown kind": frames._HEADER.pack(77, 0, 200, 1, 0, 0, 0, 0),
    "a chunk of no stream": frames._HEADER.pack(Kind.CHUNK, 0, 200, 1, 0, 0, 0, 0),
    "a status that is none": frames._HEADER.pack(Kind.ANSWER, 0, 7, 1, 0, 0, 0, 0),
    "an error that explains nothing": frames._HEADER.pack(Kind.ANSWER, Flag.ERROR, 500, 1, 0, 2, 0, 0) + b"[]",
    "text": b"Traceback (most recent call last): " * 10,
}


@pytest.mark.parametrize("message", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_worker_that_sends_no_answer_is_not_believed_any_more(message: bytes) -> None:
    @on_stage(slots=2)
    async def body(stage: Stage) -> None:
        call, innocent = stage.submit(b"one"), stage.submit(b"two")
        await stage.read(stage.slots[0])
        second = await stage.read(stage.slots[1])
        send_raw(stage.slots[0], message)
        error = await ending(call.answer)
        assert isinstance(error, WorkerBroke)
        assert len(stage.broken) == 1
        assert not stage.slots[0].open
        stage.answer(stage.slots[1], second)
        assert (await innocent.answer).body == b"re:two"


def test_a_pipe_or_an_endless_file_in_place_of_a_body_is_no_answer() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        call = stage.submit(b"one")
        frame = await stage.read(stage.slots[0])
        before = named_descriptors()
        header = frames._HEADER.pack(Kind.ANSWER, Flag.BODY_IN_FILE, 200, frame.call_id, 0, 1 << 40, 0, 0)
        endless = os.open("/dev/zero", os.O_RDONLY)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [endless, endless]))]
        stage.slots[0]._worker_end.sendmsg([header], rights)
        os.close(endless)
        assert isinstance(await ending(call.answer), WorkerBroke)
        assert not named_descriptors() - before, "what came along is closed"


def test_whatever_a_worker_sends_every_call_has_one_end_and_no_descriptor_is_kept() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)

    @on_stage(slots=1)
    async def body(stage: Stage) -> None:
        before = named_descriptors()
        for _ in range(300):
            call = stage.submit(b"x")
            frame = await stage.read(stage.slots[0])
            header = bytearray(frames._HEADER.pack(Kind.ANSWER, Flag.RUN_RETURNED, 200, frame.call_id, 0, 3, 9, 0))
            for _ in range(chance.randrange(1, 4)):
                header[chance.randrange(len(header))] = chance.randrange(256)
            stage.slots[0]._worker_end.send(bytes(header) + b"abc")
            if frame.call_id == frames._HEADER.unpack(header)[3]:
                await settled(call.answer)
            slot = stage.slots.pop()
            if slot in stage.dispatcher.slots:
                stage.dispatcher.remove(slot, WorkerBroke("over"))
            await settled(call.answer)
            stage.slots.append(stage.add_slot())
        assert (stage.dispatcher.queue_length, stage.dispatcher.running) == (0, 0)
        slot = stage.slots.pop()
        stage.dispatcher.remove(slot, WorkerBroke("over"))
        del slot
        assert not named_descriptors() - before


async def settled(answer: asyncio.Future[Frame]) -> None:
    async with asyncio.timeout(5):
        await asyncio.wait([answer])
    if not answer.cancelled():
        answer.exception()
