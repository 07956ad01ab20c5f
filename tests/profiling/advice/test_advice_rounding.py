"""Cores and memory as a person would write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.advice.rounding import GIBIBYTE, MEBIBYTE, round_up_cores, round_up_memory


@pytest.mark.parametrize(
    ("cores", "rounded"),
    [(0.01, 0.1), (0.11, 0.15), (0.3, 0.3), (0.51, 0.6), (1.0, 1.0), (1.01, 1.25), (2.01, 2.5), (4.0, 4.0), (4.2, 5.0)],
)
def test_cores_are_rounded_up(cores: float, rounded: float) -> None:
    assert round_up_cores(cores) == rounded


@given(st.floats(0.001, 500))
def test_rounding_cores_never_takes_away_and_is_stable(cores: float) -> None:
    rounded = round_up_cores(cores)
    assert rounded >= cores - 1e-6
    assert round_up_cores(rounded) == rounded


@pytest.mark.parametrize(
    ("size", "rounded"),
    [
        (1, 64 * MEBIBYTE),
        (64 * MEBIBYTE + 1, 128 * MEBIBYTE),
        (2 * GIBIBYTE + 1, 2 * GIBIBYTE + 256 * MEBIBYTE),
        (16 * GIBIBYTE + 1, 17 * GIBIBYTE),
    ],
)
def test_memory_is_rounded_up(size: int, rounded: int) -> None:
    assert round_up_memory(size) == rounded
