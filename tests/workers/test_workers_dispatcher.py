"""The dispatcher with real slots: the test plays the worker at the other end of the socket pair."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest

from plimsoll.errors import DeadlineExceeded, NotReady, QueueFull, QueueTimeout, ScoringTimeout, WorkerDied
from plimsoll.workers import frames
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.frames import Flag, Frame, Kind
from plimsoll.workers.spec import Limits
from support.stage import Stage, StageCall, on_stage
from support.worker_end import send, unread


def test_an_answer_reaches_its_caller() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        call = stage.submit(b"one")
        await stage.run_one(stage.slots[0])
        assert (await call.answer).body == b"re:one"


def test_slow_calls_are_handed_over_one_at_a_time() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        calls = [stage.submit(b"%d" % number) for number in range(3)]
        first = await stage.read(stage.slots[0])
        await asyncio.sleep(0.01)
        assert unread(stage.slots[0]) is None
        stage.answer(stage.slots[0], first, run_s=0.5)
        await stage.run_one(stage.slots[0], run_s=0.5)
        await stage.run_one(stage.slots[0], run_s=0.5)
        assert [(await call.answer).body for call in calls] == [b"re:0", b"re:1", b"re:2"]


def test_short_calls_are_handed_ahead() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        for _ in range(30):  # the slot learns that calls are short
            call = stage.submit(b"warm")
            await stage.run_one(stage.slots[0])
            await call.answer
        for number in range(5):
            stage.submit(b"%d" % number)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(stage.slots[0].outstanding) == 5


def test_calls_handed_ahead_of_a_slow_one_go_to_a_free_slot() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        for _ in range(30):
            call = stage.submit(b"warm")
            await stage.run_one(stage.slots[0])
            await call.answer
        slow, *others = [stage.submit(b"%d" % number) for number in range(4)]
        begun = await stage.read(stage.slots[0])  # the worker is busy with it from now on
        free = stage.add_slot()
        for _ in others:
            await stage.run_one(free)
        assert [(await call.answer).body for call in others] == [b"re:1", b"re:2", b"re:3"]
        stage.answer(stage.slots[0], begun)
        assert (await slow.answer).body == b"re:0"


async def learned(stage: Stage, slot: Slot, run_s: float) -> None:
    """The slot knows its calls as this long."""
    while abs(slot.run_s - run_s) > 0.1 * run_s:
        slot.learn(run_s)


async def busy(stage: Stage, *run_s: float) -> tuple[list[StageCall], list[Frame]]:
    """Each slot runs a call; the next one is submitted and seen by the dispatcher."""
    running = []
    for slot, seconds in zip(stage.slots, run_s, strict=True):
        await learned(stage, slot, seconds)
        running.append(stage.submit(b"running"))
    read = [await stage.read(slot) for slot in stage.slots]
    running.append(stage.submit(b"next"))
    await asyncio.sleep(0.002)
    return running, read


@pytest.mark.parametrize(("run_s", "ahead"), [(0.02, 1), (0.2, 0)])
def test_the_next_call_is_there_before_the_last_one_ends_if_calls_are_not_long(run_s: float, ahead: int) -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        await busy(stage, run_s)
        stage.submit(b"the one after")
        await asyncio.sleep(0.002)
        assert len(stage.slots[0].outstanding) == 1 + ahead
        assert stage.dispatcher.queue_length == 2 - ahead


def test_a_slot_that_is_idle_takes_the_next_call_of_a_busy_one() -> None:
    @on_stage(slots=2)
    async def body(stage: Stage) -> None:
        calls, read = await busy(stage, 0.02, 0.02)
        (holder,) = [slot for slot in stage.slots if slot.holds_next]
        other = stage.slots[1 - stage.slots.index(holder)]
        stage.answer(other, read[stage.slots.index(other)], run_s=0.02)
        await stage.run_one(other)
        assert (await calls[-1].answer).body == b"re:next"
        assert len(holder.outstanding) == 1


def test_what_lies_behind_a_call_that_is_slower_than_expected_is_the_next_that_any_slot_runs() -> None:
    """Although there are younger calls for the other slot: nobody overtakes it for long."""

    @on_stage(slots=2)
    async def body(stage: Stage) -> None:
        _, read = await busy(stage, 0.02, 0.02)
        (holder,) = [slot for slot in stage.slots if slot.holds_next]
        other = stage.slots[1 - stage.slots.index(holder)]
        for _ in range(3):
            stage.submit(b"younger")
        while len(holder.outstanding) > 1:
            await asyncio.sleep(0.01)
        stage.answer(other, read[stage.slots.index(other)], run_s=0.02)
        later = [(await stage.run_one(other, run_s=0.02)).body for _ in range(4)]
        assert later.index(b"next") <= 1, "one may have been in the other slot by then"


def test_a_call_that_the_worker_reads_while_others_are_taken_back_gets_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first is fetched; the second is read at that moment: it has begun, although it was not the first."""

    @on_stage()
    async def body(stage: Stage) -> None:
        slot, read = stage.slots[0], list[Frame]()
        await learned(stage, slot, 0.02)
        calls = [stage.submit(b"first"), stage.submit(b"second")]
        await asyncio.sleep(0.002)
        assert len(slot.outstanding) == 2

        fetch = frames.discard

        def discard(worker_end: socket.socket, buffer: bytearray) -> int | None:
            taken = fetch(worker_end, buffer)
            if (frame := unread(slot)) is not None:
                read.append(frame)
            return taken

        with monkeypatch.context() as patch:
            patch.setattr(frames, "discard", discard)
            back = slot.take_back()
        stage.dispatcher._queue.take_back(back)
        stage.answer(slot, read[0])
        assert (await calls[1].answer).body == b"re:second"
        await stage.run_one(slot)
        assert (await calls[0].answer).body == b"re:first"


def test_calls_of_a_bundle_that_was_taken_back_are_taken_back_once_more() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        slot = stage.slots[0]
        for _ in range(30):
            slot.learn(0.0001)
        calls = [stage.submit(b"running"), *[stage.submit(text) for text in (b"a", b"b")]]
        await asyncio.sleep(0.002)
        running = await stage.read(slot)
        while len(slot.outstanding) > 1:  # it runs for longer than it should
            await asyncio.sleep(0.01)
        slot.learn(0.5)  # one at a time from now on
        stage.answer(slot, running, run_s=0.5)
        await stage.run_one(slot, run_s=0.5)
        await calls[1].answer
        while slot.outstanding[0].call_id != calls[2].call_id:
            await asyncio.sleep(0.001)
        free = stage.add_slot()
        stage.dispatcher.retire(slot)
        await stage.run_one(free)
        assert (await calls[2].answer).body == b"re:b"


@pytest.mark.parametrize("leaves", ["client", "deadline"])
def test_a_call_that_nobody_waits_for_is_not_run_although_it_was_handed_ahead(leaves: str) -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        calls, read = await busy(stage, 0.02)
        assert stage.slots[0].holds_next
        if leaves == "client":
            stage.drop(calls[-1])
        else:
            stage.dispatcher._expire(calls[-1].pending, 0.1)
            with pytest.raises(DeadlineExceeded):
                await calls[-1].answer
        last = stage.submit(b"last")
        stage.answer(stage.slots[0], read[0], run_s=0.02)
        assert (await stage.run_one(stage.slots[0])).body == b"last"
        assert (await last.answer).body == b"re:last"


def test_the_queue_is_bounded() -> None:
    @on_stage(Limits(30, 30, max_queue=2))
    async def body(stage: Stage) -> None:
        running = stage.submit(b"runs")
        await stage.read(stage.slots[0])
        stage.submit(b"waits")
        stage.submit(b"waits")
        with pytest.raises(QueueFull) as caught:
            stage.submit(b"refused")
        assert caught.value.retry_after_s is not None
        assert caught.value.retry_after_s >= 1
        assert not running.answer.done()


def test_a_queue_of_none_still_lets_a_free_slot_work() -> None:
    @on_stage(Limits(30, 30, max_queue=0), slots=2)
    async def body(stage: Stage) -> None:
        calls = [stage.submit(b"a"), stage.submit(b"b")]
        with pytest.raises(QueueFull):
            stage.submit(b"c")
        for slot in stage.slots:
            await stage.run_one(slot)
        assert {(await call.answer).body for call in calls} == {b"re:a", b"re:b"}


def test_a_stuck_call_fails_and_the_rest_is_run_elsewhere() -> None:
    @on_stage(Limits(scoring_timeout_s=0.1, queue_timeout_s=30, max_queue=10))
    async def body(stage: Stage) -> None:
        stuck = stage.submit(b"stuck")
        other = stage.submit(b"other")
        begun = await stage.read(stage.slots[0])
        with pytest.raises(ScoringTimeout, match="Scoring timeout after 100 ms"):
            await stuck.answer
        assert stage.stuck == [stage.slots[0]]
        stage.answer(stage.slots[0], begun)  # too late: nobody gets it
        await stage.run_one(stage.add_slot())
        assert (await other.answer).body == b"re:other"


def test_a_call_that_waits_too_long_is_not_begun() -> None:
    @on_stage(Limits(scoring_timeout_s=30, queue_timeout_s=0.05, max_queue=10), slots=0)
    async def body(stage: Stage) -> None:
        with pytest.raises(QueueTimeout):
            await stage.submit(b"waits").answer
        assert stage.dispatcher.queue_length == 0


def test_a_dead_worker_fails_only_what_it_had_begun() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        for _ in range(30):
            call = stage.submit(b"warm")
            await stage.run_one(stage.slots[0])
            await call.answer
        done, begun, waiting = [stage.submit(body) for body in (b"done", b"begun", b"waiting")]
        await stage.run_one(stage.slots[0])  # answered, but not yet read by the front
        await stage.read(stage.slots[0])
        stage.dispatcher.remove(stage.slots[0], WorkerDied("died"))
        assert (await done.answer).body == b"re:done"
        with pytest.raises(WorkerDied):
            await begun.answer
        await stage.run_one(stage.add_slot())
        assert (await waiting.answer).body == b"re:waiting"


def test_a_call_handed_to_a_worker_that_was_dead_already_is_run_elsewhere() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        call = stage.submit(b"one")
        await asyncio.sleep(0.01)
        stage.dispatcher.remove(stage.slots[0], WorkerDied("died"))
        await stage.run_one(stage.add_slot())
        assert (await call.answer).body == b"re:one"


def test_without_workers_to_come_calls_are_refused_with_the_reason() -> None:
    @on_stage(slots=0)
    async def body(stage: Stage) -> None:
        stage.dispatcher.refusal = "it keeps crashing"
        with pytest.raises(NotReady, match="it keeps crashing"):
            stage.submit(b"one")


def test_a_dropped_call_is_not_begun_and_its_result_thrown_away() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        running, queued, last = [stage.submit(body) for body in (b"running", b"queued", b"last")]
        begun = await stage.read(stage.slots[0])
        stage.drop(running)
        stage.drop(queued)
        stage.answer(stage.slots[0], begun)
        assert (await stage.run_one(stage.slots[0])).body == b"last"
        assert (await last.answer).body == b"re:last"
        assert running.answer.cancelled()
        assert queued.answer.cancelled()


def test_streams_end_with_their_last_chunk() -> None:
    @on_stage()
    async def body(stage: Stage) -> None:
        call, after = stage.submit(b"stream"), stage.submit(b"after")
        begun = await stage.read(stage.slots[0])
        stage.answer(stage.slots[0], begun, run_s=1, flags=Flag.MORE | Flag.RUN_RETURNED)
        await call.answer
        for flags in (Flag.MORE, Flag.NONE):
            send(stage.slots[0], Frame(Kind.CHUNK, begun.call_id, body=b"x", flags=flags))
        assert [(await call.chunks.get()).flags for _ in range(2)] == [Flag.MORE, Flag.NONE]
        await stage.run_one(stage.slots[0])
        assert (await after.answer).body == b"re:after"


@pytest.mark.parametrize("seed", range(10))
def test_every_call_gets_exactly_one_right_end(seed: int) -> None:
    """Random submissions, answers, deaths, departures and retirements."""
    print("seed", seed)
    dice = random.Random(seed)

    @on_stage(slots=2)
    async def body(stage: Stage) -> None:
        calls: dict[bytes, StageCall] = {}
        begun: dict[Slot, Frame] = {}
        for number in range(400):
            what = dice.choices(["submit", "work", "die", "leave", "pause"], [10, 14, 1, 1, 4])[0]
            slot = dice.choice(stage.dispatcher.slots)
            if what == "submit" and stage.dispatcher.queue_length < 90:
                body = b"%d" % number
                calls[body] = stage.submit(body)
            elif what == "work" and slot in begun:
                stage.answer(slot, begun.pop(slot), run_s=dice.choice([0, 0, 0.01]))
            elif what == "work" and (frame := unread(slot)) is not None:
                begun[slot] = frame
            elif what == "die":
                begun.pop(slot, None)
                stage.dispatcher.remove(slot, WorkerDied("died"))
                stage.add_slot()
            elif what == "leave" and calls:
                stage.drop(dice.choice(list(calls.values())))
            await asyncio.sleep(0.004 if what == "pause" else 0)
        while not all(call.answer.done() for call in calls.values()):
            for slot in stage.dispatcher.slots:
                if slot in begun:
                    stage.answer(slot, begun.pop(slot))
                elif (frame := unread(slot)) is not None:
                    stage.answer(slot, frame)
            await asyncio.sleep(0.001)
        for body, call in calls.items():
            if not call.answer.cancelled() and call.answer.exception() is None:
                assert call.answer.result().body == b"re:" + body
        ends = [type(call.answer.exception()).__name__ for call in calls.values() if not call.answer.cancelled()]
        assert set(ends) <= {"NoneType", "WorkerDied"}
        assert ends.count("NoneType") > len(calls) / 2
