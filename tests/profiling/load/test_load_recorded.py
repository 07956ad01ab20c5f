"""Recorded arrivals: their gaps and their order stay, the rate is the one that is measured."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.load.loops import Arrivals
from plimsoll.profiling.load.recorded import Recording
from support.little_server import little_server

BURSTS = [0.0, 0.01, 0.02, 10.0, 10.01, 10.02]


def test_gaps_keep_their_proportions() -> None:
    recording = Recording.of(BURSTS, range(6))
    offsets, _ = recording.replayed(6.0, 6, seed=1)
    gaps = [(after - before) / 1e9 for before, after in itertools.pairwise(offsets)]
    assert len(offsets) == 6
    assert max(offsets) < 6e9
    assert max(gaps) / min(gaps) == pytest.approx(998, rel=0.3)


def test_rows_come_as_they_came() -> None:
    recording = Recording.of([3.0, 1.0, 2.0, None], [0, 1, 2])
    _, order = recording.replayed(1.0, 5, seed=7)
    taken = [order.take() for _ in range(6)]
    assert taken[:3] == taken[3:]
    assert "".join(map(str, taken * 2)).find("120") >= 0


def test_one_row_alone() -> None:
    offsets, order = Recording.of([5.0], [0]).replayed(2.0, 4, seed=0)
    assert offsets == [0, 500_000_000, 1_000_000_000, 1_500_000_000]
    assert order.take() == order.take() == 0


def test_the_driver_replays_them(tmp_path: Path) -> None:
    rows = [Row(place + 1, b"%d" % place, "text/plain", arrived_s=at) for place, at in enumerate(BURSTS)]
    with little_server() as server:
        driver = DriverClient(tmp_path / "errors", None)
        driver.open(rows, server.server_address[1], 10.0, seed=3)
        answer = driver.rate(Arrivals(30.0, 1.0, 3, 100, recorded=True), 1, 20, lambda: None)
        driver.close()
        seen = dict(server.seen)
    assert answer.offered == answer.load.successes == 30
    assert seen == {str(place): 5 for place in range(6)}
