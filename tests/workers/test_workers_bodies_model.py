"""Bodies in shared memory under random events: each is its own call's alone, and all memory comes back."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.errors import WorkerDied
from plimsoll.workers import frames
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.frames import Flag, Frame, Place
from plimsoll.workers.shared.buffers import SharedAnswer
from plimsoll.workers.shared.ranges import GRANULE_BYTES
from support.memory import POOL_BYTES, Memory, turns
from support.stage import PATIENT, Stage, StageCall, on_stage
from support.worker_end import unread

ANSWER_BYTES = frames.INLINE_BYTES + 1


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
