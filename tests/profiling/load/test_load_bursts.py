"""Which late answers are bursts, against queues that are worked out: nothing that a row or a queue explains is one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.load.bursts import KEPT_NS, Burst, SlowAnswer, find_bursts, run_times_ns, stuck_limit_ns
from plimsoll.profiling.load.timers import Pauses

MS = 1_000_000
Serves = Callable[[int, random.Random], float]
"""How many milliseconds a row takes this time."""


@dataclass(frozen=True)
class Queue:
    """A server of so many slots that begins calls in the order in which they come, for a minute.

    In `stalls`, pairs of begin and length in milliseconds, one slot stands still: what it runs takes so much longer.
    """

    serves: Serves
    rows: int = 20
    slots: int = 1
    load: float = 0.6
    stalls: Sequence[tuple[float, float]] = ()

    def answers(self, seed: int) -> list[SlowAnswer]:
        draw = random.Random(seed)
        mean_ms = sum(self.serves(row % self.rows, draw) for row in range(2000)) / 2000
        due_ms, free_ms, found = 0.0, [0.0] * self.slots, []
        pending = list(self.stalls)
        while due_ms < 60_000:
            due_ms += draw.expovariate(self.load * self.slots / mean_ms)
            row, slot = draw.randrange(self.rows), min(range(self.slots), key=free_ms.__getitem__)
            begun_ms = max(due_ms, free_ms[slot])
            taken_ms = self.serves(row, draw)
            if pending and begun_ms >= pending[0][0]:
                taken_ms += pending.pop(0)[1]
            free_ms[slot] = begun_ms + taken_ms
            found.append(SlowAnswer(round(due_ms * MS), round(free_ms[slot] * MS), row))
        return found

    def bursts(self, seed: int, pauses: Pauses = ()) -> list[Burst]:
        answers = self.answers(seed)
        least_ns: dict[int, int] = {}
        for answer in answers:
            least_ns[answer.row] = min(answer.latency_ns, least_ns.get(answer.row, answer.latency_ns))
        kept = [answer for answer in answers if answer.latency_ns >= KEPT_NS]
        fast_ns = [answer.latency_ns for answer in answers if answer.latency_ns < KEPT_NS]
        return list(find_bursts(kept, fast_ns, least_ns, self.slots, pauses).bursts)


def constant(row: int, draw: random.Random) -> float:
    return 4.0


def one_row_200_times(row: int, draw: random.Random) -> float:
    return 200.0 if row == 0 else 1.0


def every_third_row_40_ms(row: int, draw: random.Random) -> float:
    return 40.0 if row % 3 == 0 else 2.0


def exponential_2_ms(row: int, draw: random.Random) -> float:
    return draw.expovariate(1 / 2.0)


def exponential_20_ms(row: int, draw: random.Random) -> float:
    return draw.expovariate(1 / 20.0)


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("load", [0.3, 0.8, 0.95])
@pytest.mark.parametrize(
    "serves", [constant, one_row_200_times, every_third_row_40_ms, exponential_2_ms, exponential_20_ms]
)
def test_rows_and_queues_are_no_bursts(serves: Serves, load: float, slots: int) -> None:
    for seed in range(5):
        assert Queue(serves, slots=slots, load=load).bursts(seed) == [], f"seed {seed}"


STALLS = tuple((5000.0 * number, 500.0) for number in range(1, 12))


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("load", [0.1, 0.6])
@pytest.mark.parametrize("serves", [constant, exponential_2_ms, lambda row, draw: 25.0])
def test_stalls_are_found_with_length_and_time(serves: Serves, load: float, slots: int) -> None:
    found = Queue(serves, slots=slots, load=load, stalls=STALLS).bursts(seed=1)
    assert len(found) == len(STALLS)
    for burst, (at_ms, length_ms) in zip(found, STALLS, strict=True):
        assert burst.seconds * 1000 == pytest.approx(length_ms, rel=0.12)
        # It begins with the first call after the instant.
        assert 0 <= burst.at_s * 1000 + 400 - at_ms < 2000
        assert burst.answers >= 1


def test_a_stall_among_expensive_rows_is_found() -> None:
    found = Queue(one_row_200_times, load=0.5, stalls=((30_000.0, 2000.0),)).bursts(seed=3)
    assert [round(burst.seconds) for burst in found] == [2]


def test_in_which_the_driver_itself_stood_still_it_is_no_stall_of_the_server() -> None:
    queue = Queue(constant, load=0.3, stalls=STALLS[:2])
    first, second = queue.bursts(seed=1)
    pause = (round(first.at_s * 1e9) + 100 * MS, round(first.at_s * 1e9) + 450 * MS)
    assert queue.bursts(seed=1, pauses=[pause]) == [second]
    short = (pause[0], pause[0] + 100 * MS)
    assert queue.bursts(seed=1, pauses=[short]) == [first, second]


def test_what_happens_to_every_tenth_answer_is_how_long_calls_take() -> None:
    def now_and_then(row: int, draw: random.Random) -> float:
        return 300.0 if draw.random() < 0.2 else 1.0

    assert Queue(now_and_then, load=0.3, slots=4).bursts(seed=1) == []


def test_a_server_that_is_slower_as_a_whole_needs_more_for_its_expensive_rows() -> None:
    """200 ms at best on all CPUs, 800 ms on a quarter of them."""
    kept = [SlowAnswer(number * 2000 * MS, (number * 2000 + 800) * MS, 0) for number in range(5)]
    least_ns = {0: 200 * MS, 1: MS, 2: MS}
    assert find_bursts(kept, [4 * MS] * 1000, least_ns, 1, []).bursts == ()
    assert len(find_bursts(kept, [MS] * 1000, least_ns, 1, []).bursts) == 5


def test_how_late_is_late() -> None:
    assert stuck_limit_ns(1 * MS, 2 * MS) == 50 * MS, "never under 50 ms"
    assert stuck_limit_ns(10 * MS, 20 * MS) == 200 * MS, "20 medians of exponential times"
    assert stuck_limit_ns(10 * MS, 90 * MS) == 200 * MS, "and no more of others"
    assert stuck_limit_ns(50 * MS, 50 * MS) == 200 * MS, "4 medians where all take the same"


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 1000)), max_size=30), st.integers(1, 4))
def test_time_on_a_slot_is_never_more_than_the_latency(pairs: list[tuple[int, int]], slots: int) -> None:
    ordered = sorted((SlowAnswer(due, due + took, 0) for due, took in pairs), key=lambda answer: answer.due_ns)
    for answer, run_ns in zip(ordered, run_times_ns(ordered, slots), strict=True):
        assert 0 <= run_ns <= answer.latency_ns


def test_whoever_waits_for_a_slot_is_not_on_it() -> None:
    three = [SlowAnswer(0, 100, 0), SlowAnswer(10, 200, 0), SlowAnswer(20, 300, 0)]
    assert list(run_times_ns(three, 1)) == [100, 100, 100]
    assert list(run_times_ns(three, 2)) == [100, 190, 200]
    assert list(run_times_ns(three, 3)) == [100, 190, 280]
