"""Every transition of both tables, and none beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from plimsoll.errors import InternalError
from plimsoll.workers.lifecycle import CALL_TABLE, WORKER_TABLE, CallEvent, CallState, WorkerEvent, WorkerState, advance

TABLES = [(WORKER_TABLE, WorkerState, WorkerEvent), (CALL_TABLE, CallState, CallEvent)]
PAIRS = [(table, state, event) for table, states, events in TABLES for state in states for event in events]


@pytest.mark.parametrize(("table", "state", "event"), PAIRS)
def test_transitions(table: Mapping[Any, Any], state: Any, event: Any) -> None:
    if event in table[state]:
        assert advance(table, state, event) is table[state][event]
    else:
        with pytest.raises(InternalError, match=f"{event.value} cannot happen in state {state.value}"):
            advance(table, state, event)


def test_a_worker_can_exit_in_every_state_but_once() -> None:
    living = [state for state in WorkerState if state is not WorkerState.DEAD]
    assert all(advance(WORKER_TABLE, state, WorkerEvent.EXITED) is WorkerState.DEAD for state in living)
    assert WORKER_TABLE[WorkerState.DEAD] == {}


def test_every_call_can_end() -> None:
    def reachable(state: CallState) -> set[CallState]:
        found, new = {state}, {state}
        while new:
            new = {target for known in new for target in CALL_TABLE[known].values()} - found
            found |= new
        return found

    ends = {CallState.ANSWERED, CallState.FAILED, CallState.DROPPED}
    for state in CallState:
        assert reachable(state) & ends
