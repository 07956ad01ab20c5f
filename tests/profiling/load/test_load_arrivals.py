"""When requests fall due: instants of a Poisson process."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.profiling.load.loops import Arrivals


@settings(deadline=None)
@given(rate_rps=st.floats(0.01, 3000), seconds=st.floats(0.01, 5), seed=st.integers(0, 1000))
def test_there_are_exactly_so_many_in_order_and_within_the_time(rate_rps: float, seconds: float, seed: int) -> None:
    offsets = Arrivals(rate_rps, seconds, seed, 10).offsets_ns()
    assert len(offsets) == max(1, round(rate_rps * seconds))
    assert offsets == sorted(offsets)
    assert offsets[0] >= 0
    assert offsets[-1] <= round(seconds * 1e9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_given_their_number_they_are_uniform(seed: int) -> None:
    """Kolmogorov's statistic of 2,000 instants: above 1.63 / √n in one of a hundred draws (Massey 1951)."""
    offsets = [offset / 10e9 for offset in Arrivals(200.0, 10.0, seed, 10).offsets_ns()]
    distance = max(max(offset - rank / 2000, (rank + 1) / 2000 - offset) for rank, offset in enumerate(offsets))
    assert distance < 1.63 / math.sqrt(2000), f"seed {seed}"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_their_number_in_a_second_varies_as_poissons(seed: int) -> None:
    """Index of dispersion, variance over mean: 1 for a Poisson process, 0 for a metronome."""
    offsets = Arrivals(20.0, 500.0, seed, 10).offsets_ns()
    seconds = Counter(int(offset / 1e9) for offset in offsets)
    counts = [seconds[second] for second in range(500)]
    dispersion = sum((count - 20) ** 2 for count in counts) / 500 / 20
    assert dispersion == pytest.approx(1.0, abs=0.2), f"seed {seed}"


def test_gaps_do_not_depend_on_the_gaps_before() -> None:
    """Serial correlation of 20,000 gaps: its standard deviation is 0.007."""
    offsets = Arrivals(100.0, 200.0, 5, 10).offsets_ns()
    gaps = [after - before for before, after in itertools.pairwise(offsets)]
    mean = sum(gaps) / len(gaps)
    together = sum((one - mean) * (next_one - mean) for one, next_one in itertools.pairwise(gaps))
    assert abs(together / sum((gap - mean) ** 2 for gap in gaps)) < 0.03, "seed 5"
