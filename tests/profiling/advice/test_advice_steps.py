"""Steps of cores and memory: never less than is needed, never a step too many, the same for what is the same."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plimsoll.profiling.advice.memory import growth_room_bytes, recommend_memory
from plimsoll.profiling.advice.rounding import (
    GIBIBYTE,
    MEBIBYTE,
    next_cores,
    round_cores,
    round_up_cores,
    round_up_memory,
)

CORES = st.floats(0.001, 200)
SIZES = st.integers(0, 2**40)


def all_steps(most: float) -> list[float]:
    """Every size of which a person would write one down, by the rule in words."""
    sizes = [0.05 * count for count in range(2, 10)] + [0.1 * count for count in range(5, 10)]
    sizes += [0.25 * count for count in range(4, 8)] + [0.5 * count for count in range(4, 8)]
    return [round(size, 2) for size in sizes] + [float(count) for count in range(4, int(most) + 2)]


def test_the_steps_follow_each_other() -> None:
    steps = all_steps(12)
    assert steps == sorted(set(steps))
    assert [next_cores(one) for one in steps[:-1]] == steps[1:]
    assert [round_up_cores(one) for one in steps] == steps


@given(CORES)
@example(0.3)
@example(0.1 + 0.2)
@example(1.9999999999)
def test_the_smallest_step_that_is_enough(cores: float) -> None:
    steps, rounded = all_steps(200), round_up_cores(cores)
    place = steps.index(rounded)
    assert rounded >= cores - 1e-8
    assert place == 0 or steps[place - 1] < cores - 1e-12, "a hair over a step is no reason for the next"


@given(CORES, CORES)
def test_more_never_becomes_less(one: float, other: float) -> None:
    small, big = sorted((one, other))
    assert round_up_cores(small) <= round_up_cores(big)
    assert round_cores(small, small) <= round_cores(big, big)
    assert next_cores(small) > small - 1e-6


@given(CORES, st.floats(1.0, 1.6))
def test_a_step_is_left_for_more_than_noise_only(need: float, bound: float) -> None:
    """5 % over a step are indifferent; a bound that is above the next step as well takes one more."""
    found, alone = round_cores(need, need * bound), round_cores(need, need)
    assert found >= need / 1.05 - 1e-6
    assert found in (alone, next_cores(alone))
    assert (found > alone) == (need * bound / 1.05 > next_cores(alone))


@pytest.mark.parametrize(
    ("need", "upper", "cores"), [(1.02, 1.02, 1.0), (1.04, 1.1, 1.0), (1.06, 1.06, 1.25), (1.0, 1.32, 1.25)]
)
def test_just_over_a_core(need: float, upper: float, cores: float) -> None:
    assert round_cores(need, upper) == cores


@given(SIZES)
def test_memory_is_the_smallest_multiple_of_its_step(size: int) -> None:
    step = 64 * MEBIBYTE if size < 2 * GIBIBYTE else 256 * MEBIBYTE if size < 16 * GIBIBYTE else GIBIBYTE
    rounded = round_up_memory(size)
    assert rounded % step == 0
    assert 0 <= rounded - size < step
    assert round_up_memory(rounded) == rounded


@given(SIZES, SIZES)
def test_more_memory_never_becomes_less(one: int, other: int) -> None:
    assert round_up_memory(min(one, other)) <= round_up_memory(max(one, other))


@given(load=SIZES, phase=SIZES, heavy=st.none() | SIZES, growing=st.none() | SIZES)
def test_memory_has_headroom_for_the_greatest_of_its_needs(
    load: int, phase: int, heavy: int | None, growing: int | None
) -> None:
    """15 % and 100 MB are what the vertical pod autoscaler and KRR add at least."""
    answer = recommend_memory(load, phase, heavy, growing)
    assert answer.base_bytes == max(load, phase, heavy or 0)
    room = 0 if growing is None else growth_room_bytes(answer.base_bytes) + growing
    assert answer.need_bytes == answer.base_bytes + room
    assert answer.size.request_bytes == answer.size.limit_bytes, "memory cannot be throttled"
    assert answer.size.request_bytes >= max(answer.need_bytes * 1.15, answer.need_bytes + 100_000_000) - 1
    assert answer.size.request_bytes <= max(answer.need_bytes * 1.15, answer.need_bytes + 1e8) + GIBIBYTE


@pytest.mark.parametrize(
    ("needs", "name"),
    [((3, 2, 1), "loads"), ((1, 3, 2), "under load"), ((1, 2, 3), "heaviest row"), ((3, 3, 3), "loads")],
)
def test_the_reason_names_the_need_and_its_size(needs: tuple[int, int, int], name: str) -> None:
    load, phase, heavy = (count * 10**9 for count in needs)
    reason = recommend_memory(load, phase, heavy).size.reason
    assert name in reason
    assert "3000 MB" in reason


@given(SIZES)
def test_room_to_grow_is_a_quarter_and_at_least_a_hundred_megabytes(size: int) -> None:
    room = growth_room_bytes(size)
    assert room >= 100_000_000
    assert room == max(100_000_000, round(size / 4))
    assert math.isclose(growth_room_bytes(4 * 10**9), 10**9)


def test_steps_of_memory_grow_with_the_size() -> None:
    sizes = [round_up_memory(size) for size in range(MEBIBYTE, 20 * GIBIBYTE, 60 * MEBIBYTE)]
    gaps = [after - before for before, after in itertools.pairwise(sorted(set(sizes)))]
    assert gaps == sorted(gaps)
    assert {gap // MEBIBYTE for gap in gaps} == {64, 256, 1024}
