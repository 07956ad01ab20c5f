"""A worker's warm-up with real slots: the test plays the worker at the other end of the socket pairs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from plimsoll.backends.placement import Placement
from plimsoll.entry.spec import EntrySpec
from plimsoll.workers import frames
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.features import BatchLimits, Features
from plimsoll.workers.frames import Flag, Frame, Kind
from plimsoll.workers.lifecycle import WorkerEvent
from plimsoll.workers.spec import Limits, PoolSpec, WarmUpCall
from plimsoll.workers.warmup import Check, WarmUp
from support.worker_end import send, unread

ROWS = (WarmUpCall(1, b"", b"one"), WarmUpCall(2, b"", b"two", expected_status=418))


class Stage:
    """A worker of two threads that answers as `status` says, or not at all where that is None."""

    def __init__(self, rows: tuple[WarmUpCall, ...] = ROWS, check: Check | None = None, timeout_s: float = 30) -> None:
        self.slots = [Slot(*socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)) for _ in range(2)]
        self.seen: list[Frame] = []
        self.hopeless: list[WorkerEvent] = []
        limits = Limits(timeout_s, 1, 0)
        spec = PoolSpec(EntrySpec("score.py", "."), {}, 1, 2, limits, 1, warmup=rows)
        self.worker: Any = SimpleNamespace(slots=self.slots, features=Features(), name="worker-0")
        self.warmup = WarmUp(self.worker, spec, check, self.on_hopeless)

    def on_hopeless(self, event: WorkerEvent, reason: str) -> None:
        self.hopeless.append(event)

    async def answer(self, status: Callable[[Frame], int | None]) -> None:
        """Until cancelled."""
        while True:
            for slot in self.slots:
                if slot.open and (frame := unread(slot)) is not None:
                    self.seen.append(frame)
                    code = status(frame)
                    if code is not None:
                        body = b'[{"framework": "A", "on_gpu": true, "detail": "b"}]' if _is_question(frame) else b""
                        answer = Frame(Kind.ANSWER, frame.call_id, body=body, flags=Flag.RUN_RETURNED, status=code)
                        send(slot, answer)
            await asyncio.sleep(0.001)

    async def run(self, status: Callable[[Frame], int | None]) -> str | None:
        answering = asyncio.get_running_loop().create_task(self.answer(status))
        try:
            async with asyncio.timeout(20):
                return await self.warmup.run()
        finally:
            answering.cancel()

    def end(self) -> None:
        """The worker is gone."""
        for slot in self.slots:
            self.warmup.abandon(slot)


def _is_question(frame: Frame) -> bool:
    return frame.kind == Kind.CONTROL


def good(frame: Frame) -> int:
    return 418 if frame.body == b"two" else 200


def run(body: Callable[[Callable[..., Stage]], Awaitable[None]]) -> None:
    """Passes the body a maker of stages, whose sockets are closed in the end."""

    async def with_stages() -> None:
        made: list[Stage] = []

        def make(**options: Any) -> Stage:
            made.append(Stage(**options))
            return made[-1]

        try:
            await body(make)
        finally:
            for stage in made:
                for slot in stage.slots:
                    slot.close()

    asyncio.run(with_stages())


def checked(into: list[Placement], verdict: str | None) -> Check:
    async def check(worker: Any, found: list[Placement]) -> str | None:
        into.extend(found)
        return verdict

    return check


def test_every_row_runs_once_per_thread() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        stage = make()
        assert await stage.run(good) is None
        assert sorted(frame.body for frame in stage.seen) == [b"one", b"one", b"two", b"two"]
        assert {frame.tag for frame in stage.seen} == {b"warmup"}

    run(body)


def test_released_slots_are_as_new() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        stage = make()
        await stage.run(good)
        assert sum(slot.answered for slot in stage.slots) == 4
        stage.warmup.release()
        assert [slot.answered for slot in stage.slots] == [0, 0]
        assert all(slot.open and not slot.outstanding for slot in stage.slots)
        assert stage.warmup.dispatcher.slots == []

    run(body)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (lambda frame: 200, None),  # row 2 expects another status, row 1 is well
        (lambda frame: 500, "the warm-up failed: none of the 2 row(s) succeeded; row 1: status 500"),
    ],
)
def test_one_good_row_is_enough(status: Callable[[Frame], int], refusal: str | None) -> None:
    async def body(make: Callable[..., Stage]) -> None:
        assert await make().run(status) == refusal

    run(body)


@pytest.mark.parametrize("verdict", [None, "it computes on the CPU"])
def test_the_question_comes_last(verdict: str | None) -> None:
    async def body(make: Callable[..., Stage]) -> None:
        found: list[Placement] = []
        stage = make(check=checked(found, verdict))
        assert await stage.run(good) == verdict
        assert found == [Placement("A", True, "b")]
        assert [_is_question(frame) for frame in stage.seen[-2:]] == [False, True]

    run(body)


def test_a_worker_that_is_not_good_is_not_asked() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        found: list[Placement] = []
        stage = make(check=checked(found, None))
        assert (await stage.run(lambda frame: 500) or "").startswith("the warm-up failed")
        assert found == []

    run(body)


def test_batches_keep_to_their_limits() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        stage = make(rows=tuple(WarmUpCall(row, b"", b"one") for row in range(3)))
        stage.worker.features = Features(batch=BatchLimits(4, 0))
        running = asyncio.get_running_loop().create_task(stage.warmup.run())
        sizes = list[int]()
        async with asyncio.timeout(20):
            for slot in stage.slots:
                while (frame := unread(slot)) is None:
                    await asyncio.sleep(0.001)
                sizes.append(len(frames.decode_batch(frame.body)))
        assert sizes == [4, 2]
        stage.end()
        assert (await running or "").startswith("the warm-up failed")

    run(body)


def test_a_worker_that_ended_before_it_began_keeps_nobody_waiting() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        found: list[Placement] = []
        stage = make(check=checked(found, None))
        stage.end()
        assert await stage.run(good) is None
        assert found == []

    run(body)


def test_a_worker_that_ends_in_the_middle_keeps_nobody_waiting() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        stage = make(rows=ROWS * 5)

        def dies(frame: Frame) -> int | None:
            if len(stage.seen) == 3:
                asyncio.get_running_loop().call_soon(stage.end)
            return good(frame) if len(stage.seen) < 3 else None

        assert await stage.run(dies) is None, "some rows were answered; the supervisor knows that it has ended"

    run(body)


def test_a_question_without_an_answer() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        stage = make(rows=(), check=checked([], None))

        def dies(frame: Frame) -> None:
            asyncio.get_running_loop().call_soon(stage.end)

        assert await stage.run(dies) == "The model worker ended."

    run(body)


def test_a_stuck_call_is_told_and_fails() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        stage = make(rows=ROWS[:1], timeout_s=0.05)
        running = asyncio.get_running_loop().create_task(stage.run(lambda frame: None))
        while not stage.hopeless:
            await asyncio.sleep(0.01)
        assert "row 1: Scoring timeout after 50 ms" in (await running or "")

    run(body)


def test_a_stream_that_breaks_off_is_a_failure() -> None:
    async def body(make: Callable[..., Stage]) -> None:
        stage = make(rows=ROWS[:1])
        running = asyncio.get_running_loop().create_task(stage.warmup.run())
        for slot in stage.slots:
            while (frame := unread(slot)) is None:
                await asyncio.sleep(0.001)
            send(slot, Frame(Kind.ANSWER, frame.call_id, flags=Flag.MORE, status=200))
            send(slot, Frame(Kind.CHUNK, frame.call_id, flags=Flag.ABORTED))
        assert "row 1: the stream ended early" in (await running or "")

    run(body)
