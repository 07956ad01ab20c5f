"""The storm for continuous integration: few faults of every kind, and the same reckoning. `make soak` runs it long."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from storm.injector import SHORT
from storm.report import table
from storm.round import SHAPES, Extent, Result, Shape, play

SEED = os.environ.get("PLIMSOLL_STORM_SEED", "20261121")
SHAPE = {shape.name: replace(shape, pauses=SHORT) for shape in SHAPES}
_STARTS = 3.0
"""A worker's start is a part of a server's; more than so many of those is not the machine's noise any more."""


def played(shape: Shape, folder: Path, extent: Extent) -> Result:
    print(f"seed {SEED} (set PLIMSOLL_STORM_SEED for another)")
    result = play(shape, SEED, folder, extent)
    print(table([result]))
    return result


@pytest.mark.parametrize("name", ["workers", "threads", "batches", "front"])
def test_every_request_gets_its_own_answer_or_a_reason_and_nothing_is_left(name: str, tmp_path: Path) -> None:
    result = played(SHAPE[name], tmp_path, Extent(seconds=10, strikes=10))
    assert result.strikes, "no fault was tried"
    assert not result.complaints, "\n".join(result.complaints)


def test_whole_again_soon_after_a_death(tmp_path: Path) -> None:
    """Counted in starts of the whole server in the same run, since the machine may be busy."""
    deadly = {name: SHAPE["workers"].faults[name] for name in ("kill", "leave", "segfault")}
    result = played(replace(SHAPE["workers"], faults=deadly), tmp_path, Extent(seconds=60, strikes=3))
    assert not result.complaints, "\n".join(result.complaints)
    assert len(result.strikes) == 3
    for strike in result.strikes:
        assert strike.whole_after_s is not None
        assert strike.whole_after_s < max(1.0, _STARTS * result.start_s)


@pytest.mark.parametrize("name", ["calm", "calm threads", "calm batches"])
def test_no_process_grows_with_the_requests(name: str, tmp_path: Path) -> None:
    result = played(SHAPE[name], tmp_path, Extent(requests=8_000))
    assert result.started == 8_000
    assert not result.complaints, "\n".join(result.complaints)
