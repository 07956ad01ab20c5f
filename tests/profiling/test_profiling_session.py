"""Which CPUs the server and the driver get."""

from __future__ import annotations

import pytest

from plimsoll.profiling.session import Placement, place


@pytest.mark.parametrize(
    ("allowed", "max_cores", "placement"),
    [
        ((0,), None, Placement(None, None)),
        ((0, 1), None, Placement(None, None)),
        ((0, 1), 1.0, Placement((0,), None)),
        ((0, 1), 1.5, Placement(None, None)),
        ((2, 3, 6, 7), None, Placement((2, 3, 6), (7,))),
        ((2, 3, 6, 7), 1.5, Placement((2, 3), (7,))),
        ((0, 1), 0.1, Placement((0,), None)),
    ],
)
def test_who_runs_where(allowed: tuple[int, ...], max_cores: float | None, placement: Placement) -> None:
    assert place(allowed, max_cores) == placement
