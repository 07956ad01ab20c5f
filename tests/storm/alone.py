"""One fault of the storm alone, under a load, with the storm's reckoning: for tests that name a fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from storm.round import SHAPES, Extent, Result, play

_SHAPES = {shape.name: shape for shape in SHAPES}


def alone(shape: str, fault: str, folder: Path, strikes: int = 2) -> Result:
    """Nobody may have lost more than the fault is allowed to cost."""
    own = _SHAPES[shape]
    single = replace(own, faults={fault: own.faults[fault]}, quiet=False, lanes=8)
    result = play(single, f"{fault} alone", folder, Extent(seconds=30, strikes=strikes))
    assert not result.complaints, "\n".join(result.complaints)
    assert len(result.strikes) == strikes
    return result
