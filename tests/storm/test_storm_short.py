"""The storm for continuous integration: few faults of every kind, and the same reckoning. `make soak` runs it long."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from storm import audit
from storm.injector import SHORT
from storm.report import table
from storm.round import Extent, Result, play
from storm.shapes import SHAPES, Shape

SEED = os.environ.get("PLIMSOLL_STORM_SEED", "20261121")
SHAPE = {shape.name: replace(shape, pauses=SHORT) for shape in SHAPES}


def played(shape: Shape, folder: Path, extent: Extent) -> Result:
    print(f"seed {SEED} (set PLIMSOLL_STORM_SEED for another)")
    result = play(shape, SEED, folder, extent)
    print(table([result]))
    return result


@pytest.mark.parametrize("name", ["workers", "threads", "batches", "front"])
def test_every_request_gets_its_own_answer_or_a_reason_and_nothing_is_left(name: str, tmp_path: Path) -> None:
    result = played(SHAPE[name], tmp_path, Extent(seconds=8, strikes=10))
    assert result.strikes, "no fault was tried"
    assert not result.complaints, "\n".join(result.complaints)


def test_whole_again_soon_after_a_death(tmp_path: Path) -> None:
    """Counted in starts of the whole server in the same run, since the machine may be busy.

    What stands still for a second while a worker starts is the machine, not the server: the best of three runs counts.
    """
    deadly = {name: SHAPE["workers"].faults[name] for name in ("kill", "leave", "segfault")}
    late = ["not tried"]
    for number in range(3):
        if late:
            late = _late(played(replace(SHAPE["workers"], faults=deadly), tmp_path / str(number), _THREE_STRIKES))
    assert late == []


_THREE_STRIKES = Extent(seconds=120, strikes=3)


def _late(result: Result) -> list[str]:
    assert not result.complaints, "\n".join(result.complaints)
    strikes = [replace(strike, single=True) for strike in result.strikes]  # the first three are not held back either
    assert len(strikes) == 3
    assert all(strike.whole_after_s is not None for strike in strikes)
    return audit.complaints_of_recovery(strikes, result.start_s, stall_s=0.0)


@pytest.mark.parametrize("name", ["calm", "calm threads", "calm batches"])
def test_no_process_grows_with_the_requests(name: str, tmp_path: Path) -> None:
    result = played(SHAPE[name], tmp_path, Extent(requests=8_000))
    assert result.started == 8_000
    assert not result.complaints, "\n".join(result.complaints)
