"""The one queue in front of all slots: bounded, in order of arrival, without calls that nobody waits for any more."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator

from plimsoll.errors import QueueFull, QueueTimeout
from plimsoll.workers.dispatch.pending import PendingCall
from plimsoll.workers.lifecycle import CallEvent, CallState

_LONGEST_RETRY_S = 60


class CallQueue:
    """`max_calls` may wait; more only while idle slots will take them in the same turn of the loop."""

    def __init__(self, max_calls: int) -> None:
        self._max_calls = max_calls
        self._calls: deque[PendingCall] = deque()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[PendingCall]:
        return iter(self._calls)

    def check(self, idle_slots: int, wait_s: float, patience_s: float) -> None:
        """Raises QueueFull at the bound, or when the expected `wait_s` is longer than a new call can wait."""
        if len(self._calls) >= self._max_calls + idle_slots:
            raise QueueFull("All slots are busy and the queue is full.", retry_after_s=_retry_after_s(wait_s))
        if wait_s > patience_s:
            message = "The wait for a slot would be longer than the deadline of the request."
            raise QueueFull(message, retry_after_s=_retry_after_s(wait_s - patience_s))

    def append(self, call: PendingCall) -> None:
        self._calls.append(call)

    def oldest(self) -> PendingCall:
        return self._calls[0]

    def take(self, count: int = 1) -> list[PendingCall]:
        """The oldest calls, `count` at most."""
        return [self._calls.popleft() for _ in range(min(count, len(self._calls)))]

    def take_together(
        self, most: int, size_bytes: Callable[[PendingCall], int | None], most_bytes: int
    ) -> list[PendingCall]:
        """The oldest call, and those behind it that go into one message with it; one without a size goes alone."""
        calls = self.take()
        total_bytes = size_bytes(calls[0])
        while total_bytes is not None and len(calls) < most and self._calls:
            more_bytes = size_bytes(self._calls[0])
            if more_bytes is None or total_bytes + more_bytes > most_bytes:
                break
            total_bytes += more_bytes
            calls.append(self._calls.popleft())
        return calls

    def put_back(self, calls: list[PendingCall]) -> None:
        """Puts calls where they were, near the head: the queue is in order of arrival."""
        at = 0
        for call in calls:
            while at < len(self._calls) and self._calls[at].queued_at < call.queued_at:
                at += 1
            self._calls.insert(at, call)
            at += 1

    def take_back(self, calls: list[PendingCall]) -> None:
        """The same for calls that were handed over and not begun; those that have ended meanwhile are let go."""
        living = [call for call in calls if call.state in (CallState.HANDED, CallState.RUNNING)]
        for call in living:
            call.note(CallEvent.TAKE_BACK)
        self.put_back(living)

    def discard(self, call: PendingCall) -> None:
        if call in self._calls:
            self._calls.remove(call)

    def expire(self, before_s: float) -> None:
        """Fails the calls that have waited since before `before_s` (monotonic)."""
        while self._calls and self._calls[0].queued_at < before_s:
            self._calls.popleft().fail(QueueTimeout("The deadline passed before a slot was free."))


def _retry_after_s(wait_s: float) -> int:
    return min(_LONGEST_RETRY_S, max(1, math.ceil(wait_s)))
