"""Which CPUs the server and the driver get."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.session import PINNING_FROM_CPUS, CpuPlacement, place


@pytest.mark.parametrize(
    ("allowed", "max_cores", "placement"),
    [
        ((0,), None, CpuPlacement(None, None)),
        ((0, 1), None, CpuPlacement(None, None)),
        ((0, 1), 1.0, CpuPlacement((0,), None)),
        ((0, 1), 1.5, CpuPlacement(None, None)),
        ((2, 3, 6, 7), None, CpuPlacement((2, 3, 6), (7,))),
        ((2, 3, 6, 7), 1.5, CpuPlacement((2, 3), (7,))),
        ((0, 1), 0.1, CpuPlacement((0,), None)),
    ],
)
def test_who_runs_where(allowed: tuple[int, ...], max_cores: float | None, placement: CpuPlacement) -> None:
    assert place(allowed, max_cores) == placement


@given(cpus=st.sets(st.integers(0, 200), min_size=1, max_size=64), max_cores=st.none() | st.floats(0.1, 80))
def test_server_and_driver_never_share_and_nobody_leaves_what_is_allowed(
    cpus: set[int], max_cores: float | None
) -> None:
    allowed = tuple(sorted(cpus))
    found = place(allowed, max_cores)
    server, driver = found.server or allowed, found.driver or ()
    assert set(server) | set(driver) <= cpus
    assert server
    if found.driver:
        assert len(driver) == 1
        assert not set(server) & set(driver)
        assert len(allowed) >= PINNING_FROM_CPUS
    else:
        assert len(allowed) < PINNING_FROM_CPUS
    if max_cores is not None:
        assert len(server) <= max(1, math.ceil(max_cores))
    if max_cores is None or max_cores >= len(allowed):
        assert len(server) + len(driver) == len(allowed), "nothing is left idle without a reason"
