"""The life of a worker and the life of a call, as tables; that of the memory of large bodies is in `leases`.

Two rules for editors: whatever may happen to a worker or a call is a row here, and nothing else
decides what state follows. `advance` refuses an event that its table does not know: that is a defect,
not an input.

    worker   STARTING ─ LOADING ─ WARMING ─ READY ─┬─ DOOMED ──┬─ DEAD   doomed: a call is stuck, siblings finish; or
                                                   │           │         it breaks the protocol, and is killed
                                                   └─ DRAINING ┘         draining: asked to stop
    call     QUEUED ─ HANDED ─ RUNNING ─┬─ ANSWERED
                └───────┴─ (taken back)  ├─ FAILED                 timeout, dead worker
                                         └─ DROPPED                client left
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from plimsoll.errors import InternalError


class WorkerState(StrEnum):
    STARTING = "starting"
    LOADING = "loading"
    WARMING = "warming"
    READY = "ready"
    DOOMED = "doomed"
    DRAINING = "draining"
    DEAD = "dead"


class WorkerEvent(StrEnum):
    HELLO = "hello"
    LOADED = "loaded"
    LOAD_FAILED = "load_failed"
    WARMED = "warmed"
    WARM_FAILED = "warm_failed"
    CALL_STUCK = "call_stuck"
    BROKE_PROTOCOL = "broke_protocol"
    STOP = "stop"
    EXITED = "exited"


class CallState(StrEnum):
    QUEUED = "queued"
    HANDED = "handed"
    RUNNING = "running"
    ANSWERED = "answered"
    FAILED = "failed"
    DROPPED = "dropped"


class CallEvent(StrEnum):
    HAND = "hand"
    START = "start"
    TAKE_BACK = "take_back"
    ANSWER = "answer"
    FAIL = "fail"
    DROP = "drop"


WORKER_TABLE: Mapping[WorkerState, Mapping[WorkerEvent, WorkerState]] = {
    WorkerState.STARTING: {
        WorkerEvent.HELLO: WorkerState.LOADING,
        WorkerEvent.BROKE_PROTOCOL: WorkerState.DOOMED,
        WorkerEvent.STOP: WorkerState.DRAINING,
        WorkerEvent.EXITED: WorkerState.DEAD,
    },
    WorkerState.LOADING: {
        WorkerEvent.LOADED: WorkerState.WARMING,
        WorkerEvent.LOAD_FAILED: WorkerState.DRAINING,
        WorkerEvent.BROKE_PROTOCOL: WorkerState.DOOMED,
        WorkerEvent.STOP: WorkerState.DRAINING,
        WorkerEvent.EXITED: WorkerState.DEAD,
    },
    WorkerState.WARMING: {
        WorkerEvent.WARMED: WorkerState.READY,
        WorkerEvent.WARM_FAILED: WorkerState.DRAINING,
        WorkerEvent.CALL_STUCK: WorkerState.DOOMED,
        WorkerEvent.BROKE_PROTOCOL: WorkerState.DOOMED,
        WorkerEvent.STOP: WorkerState.DRAINING,
        WorkerEvent.EXITED: WorkerState.DEAD,
    },
    WorkerState.READY: {
        WorkerEvent.CALL_STUCK: WorkerState.DOOMED,
        WorkerEvent.BROKE_PROTOCOL: WorkerState.DOOMED,
        WorkerEvent.STOP: WorkerState.DRAINING,
        WorkerEvent.EXITED: WorkerState.DEAD,
    },
    WorkerState.DOOMED: {
        WorkerEvent.CALL_STUCK: WorkerState.DOOMED,
        WorkerEvent.BROKE_PROTOCOL: WorkerState.DOOMED,
        WorkerEvent.STOP: WorkerState.DRAINING,
        WorkerEvent.EXITED: WorkerState.DEAD,
    },
    WorkerState.DRAINING: {
        # Messages that were under way when the worker was told to stop.
        WorkerEvent.HELLO: WorkerState.DRAINING,
        WorkerEvent.LOADED: WorkerState.DRAINING,
        WorkerEvent.LOAD_FAILED: WorkerState.DRAINING,
        WorkerEvent.CALL_STUCK: WorkerState.DRAINING,
        WorkerEvent.BROKE_PROTOCOL: WorkerState.DRAINING,
        WorkerEvent.STOP: WorkerState.DRAINING,
        WorkerEvent.EXITED: WorkerState.DEAD,
    },
    WorkerState.DEAD: {},
}

CALL_TABLE: Mapping[CallState, Mapping[CallEvent, CallState]] = {
    CallState.QUEUED: {
        CallEvent.HAND: CallState.HANDED,
        CallEvent.FAIL: CallState.FAILED,
        CallEvent.DROP: CallState.DROPPED,
    },
    CallState.HANDED: {
        CallEvent.START: CallState.RUNNING,
        CallEvent.TAKE_BACK: CallState.QUEUED,
        CallEvent.FAIL: CallState.FAILED,
        CallEvent.DROP: CallState.DROPPED,
    },
    CallState.RUNNING: {
        # It was thought begun, but its frame still lay unread in the socket.
        CallEvent.TAKE_BACK: CallState.QUEUED,
        CallEvent.ANSWER: CallState.ANSWERED,
        CallEvent.FAIL: CallState.FAILED,
        CallEvent.DROP: CallState.DROPPED,
    },
    CallState.ANSWERED: {},
    CallState.FAILED: {},
    CallState.DROPPED: {},
}

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


def advance(table: Mapping[State, Mapping[Event, State]], state: State, event: Event) -> State:
    """The state after `event`. Raises InternalError on an event that cannot happen in `state`."""
    try:
        return table[state][event]
    except KeyError:
        raise InternalError(f"event {event.value} cannot happen in state {state.value}") from None
