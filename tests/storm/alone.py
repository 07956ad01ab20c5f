"""One fault of the storm alone, or its load alone, with the storm's reckoning: for tests that name a fault."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from storm.audit import complaints_of_clients, complaints_of_log
from storm.injector import SHORT
from storm.load import Load
from storm.round import Extent, Result, play
from storm.shapes import SHAPES, Shape
from support.server import PATIENCE_S, Server

_SHAPES = {shape.name: shape for shape in SHAPES}


def alone(shape: str, fault: str, folder: Path, strikes: int = 2) -> Result:
    """Nobody may have lost more than the fault is allowed to cost."""
    own = _SHAPES[shape]
    single = replace(own, faults={fault: own.faults[fault]}, pauses=SHORT, lanes=8)
    result = play(single, f"{fault} alone", folder, Extent(seconds=4 * PATIENCE_S, strikes=strikes))
    assert not result.complaints, "\n".join(result.complaints)
    assert len(result.strikes) == strikes
    return result


def load(server: Server, requests: int, seed: str, meanwhile: Callable[[], None] = lambda: None) -> list[str]:
    """What the clients of a server in which nothing may die have to complain of."""
    shape = Shape("load", lanes=8)
    running = Load(server.port, seed, shape, requests)
    deadline = time.monotonic() + 2 * PATIENCE_S
    while not running.over and time.monotonic() < deadline:
        time.sleep(0.1)
        meanwhile()
    told = running.stop()
    outcomes = Counter(told["outcomes"])
    found = complaints_of_clients(outcomes, 0, [], shape.lanes, shape.per_death) + complaints_of_log(server.log())
    return found if told["started"] == requests else [*found, f"only {told['started']} requests were sent"]
