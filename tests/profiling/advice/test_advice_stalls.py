"""Which bursts are named as stalls, their period, and who stood still: the rules, case by case and at random."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.stalls import Clocks, Comb, Stretch, find_period, find_stalls, longer_than
from plimsoll.profiling.load.bursts import Burst
from plimsoll.profiling.result.stalls import StallResult

ONE, TWO = Configuration(1), Configuration(2)
QUIET, NOISY_CORES = 0.0, 0.1
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0)


def stretch(*bursts: tuple[float, float], **changes: Any) -> Stretch:
    """A minute of load on one worker with bursts at a time and of a length, three late answers each."""
    values: dict[str, Any] = {"server": 1, "configuration": ONE, "phase": "capacity", "begin_s": 0.0, "end_s": 60.0}
    made = tuple(Burst(at_s, length_s, 3) for at_s, length_s in bursts)
    return Stretch(**values | {"stuck_s": 0.05, "bursts": made} | changes)


def found(*stretches: Stretch, recommended: Configuration = ONE) -> list[StallResult]:
    return find_stalls(stretches, recommended, NOISY_CORES)


def test_nothing_late_is_no_stall() -> None:
    assert found() == []
    assert found(stretch(), stretch(server=2)) == []


def test_one_burst_is_an_accident_unless_it_is_long() -> None:
    assert found(stretch((10.0, 0.2))) == []
    (long,) = found(stretch((10.0, 0.25)))
    assert (long.count, long.length_seconds, long.at_seconds) == (1, 0.25, [10.0])


def test_two_of_about_the_same_length_are_a_stall() -> None:
    (stall,) = found(stretch((10.0, 0.1), (40.0, 0.15)))
    assert (stall.count, stall.length_seconds, stall.longest_seconds, stall.answers) == (2, 0.125, 0.15, 6)
    assert found(stretch((10.0, 0.06), (40.0, 0.15))) == [], "each of them is alone"


def test_lengths_that_differ_are_stalls_of_their_own() -> None:
    stalls = found(stretch((1.0, 0.1), (2.0, 1.0), (30.0, 0.12), (50.0, 1.1)))
    assert [(stall.length_seconds, stall.count) for stall in stalls] == [(1.05, 2), (0.11, 2)]


def test_beside_others_short_bursts_are_theirs_and_long_ones_need_a_second() -> None:
    noisy = {"elsewhere_cores": 1.0}
    assert found(stretch((10.0, 0.1), (40.0, 0.1), **noisy)) == []
    assert found(stretch((10.0, 0.5), **noisy)) == []
    (stall,) = found(stretch((10.0, 0.5), **noisy), stretch((70.0, 0.5), begin_s=60.0, end_s=120.0, **noisy))
    assert stall.count == 2
    assert len(found(stretch((10.0, 0.1), (40.0, 0.1)), stretch((99.0, 0.1), **noisy))) == 1


def test_configurations_are_kept_apart_and_the_recommended_one_comes_first() -> None:
    stalls = found(
        stretch((10.0, 0.5)), stretch((70.0, 0.3), configuration=TWO, server=2, phase="2 workers: open loop"),
        recommended=TWO,
    )  # fmt: skip
    assert [(stall.workers, stall.recommended) for stall in stalls] == [(2, True), (1, False)]
    assert stalls[0].phases == ["2 workers: open loop"]
    assert "not what is recommended" in stalls[1].sentence()
    assert "1 worker" in stalls[1].sentence()
    assert "not what is recommended" not in stalls[0].sentence()


def test_only_load_that_would_have_shown_it_was_observed() -> None:
    blind = stretch(begin_s=60.0, end_s=100.0, stuck_s=0.8)
    (stall,) = found(stretch((10.0, 0.5)), blind)
    assert stall.observed_seconds == 60.0


def comb(times_s: Iterable[float], *loads_s: tuple[float, float]) -> Comb:
    """Only what came under load was seen."""
    loads = loads_s or ((0.0, 60.0),)
    return Comb(sorted(at for at in times_s if any(begin <= at <= end for begin, end in loads)), loads)


def every(period_s: float, first_s: float = 1.0, until_s: float = 60.0, jitter_s: float = 0.0) -> list[float]:
    draw = random.Random(5)
    count = int((until_s - first_s) / period_s) + 1
    return [first_s + number * period_s + draw.uniform(-jitter_s, jitter_s) for number in range(count)]


@pytest.mark.parametrize("period_s", [1.0, 3.0, 5.0, 9.0])
def test_a_regular_period(period_s: float) -> None:
    found_s, reason = find_period([comb(every(period_s, jitter_s=0.02 * period_s))], 0.3)
    assert found_s == pytest.approx(period_s, rel=0.03)
    assert "followed" in reason


@pytest.mark.parametrize("apart_s", [0.6, 1.3, 2.0, 3.7])
def test_two_workers_that_stand_still_in_turn(apart_s: float) -> None:
    times_s = every(5.0) + every(5.0, 1.0 + apart_s)
    assert find_period([comb(times_s)], 0.3)[0] == pytest.approx(5.0, rel=0.03)


@pytest.mark.parametrize(("workers", "first_s"), [(2, 3.56), (3, 2.6)])
def test_workers_that_take_turns_almost_evenly(workers: int, first_s: float) -> None:
    times_s = every(5.0, jitter_s=0.003) + every(5.0, first_s, jitter_s=0.003)
    times_s += every(5.0, 4.45, jitter_s=0.003) if workers == 3 else []
    assert find_period([comb(times_s)], 0.3, workers)[0] == pytest.approx(5.0, rel=0.01)
    alone_s, _ = find_period([comb(times_s)], 0.3, 1)
    assert alone_s is not None
    assert alone_s < 4, "one worker can only stand still more often"


def test_a_worker_that_is_not_quite_regular_does_not_take_turns_with_another() -> None:
    draw = random.Random(3)
    times_s = [1.0]
    while times_s[-1] < 57:
        times_s.append(times_s[-1] + 2.5 + draw.uniform(-0.1, 0.1))
    assert find_period([comb(times_s)], 0.3, 2)[0] == pytest.approx(2.5, rel=0.03)


def test_pauses_between_stretches_do_not_hide_it() -> None:
    windows = [(3.0 * number, 3.0 * number + 2.5) for number in range(20)]
    assert find_period([comb(every(5.0), *windows)], 0.3)[0] == pytest.approx(5.0, rel=0.03)


def test_another_server_begins_to_count_anew() -> None:
    servers = [comb(every(5.0, first_s, first_s + 17), (first_s - 1, first_s + 17)) for first_s in (1.0, 22.3, 41.9)]
    assert find_period(servers, 0.3)[0] == pytest.approx(5.0, rel=0.03)


def test_few_times_are_too_few() -> None:
    assert find_period([comb([3.0])], 0.3) == (None, "it was seen only 1 time")
    assert find_period([comb([3.0, 8.0])], 0.3) == (None, "it was seen only 2 times")


def test_a_period_is_longer_than_the_stall() -> None:
    found_s, _ = find_period([comb(every(1.0))], 0.6)
    assert found_s is not None
    assert found_s == pytest.approx(2.0, rel=0.03)


def test_what_comes_at_random_has_no_period() -> None:
    named = []
    for seed in range(200):
        draw = random.Random(seed)
        count = draw.randint(3, 25)
        period_s, _ = find_period([comb([draw.uniform(0, 60) for _ in range(count)])], 0.1)
        named += [] if period_s is None else [(seed, count, period_s)]
    assert len(named) <= 10, named


def test_thousands_of_bursts_have_a_period_too() -> None:
    """An hour and more of load, every tenth burst left out: binomial coefficients that no float holds."""
    times_s = [at_s for number, at_s in enumerate(every(1.0, until_s=5000.0)) if number % 10]
    found_s, reason = find_period([comb(times_s, (0.0, 5000.0))], 0.3)
    assert found_s == pytest.approx(1.0)
    assert "of 4" in reason


def clocks(run: float = 0.0, request: float = 0.0, loop: float = 0.0) -> Clocks:
    """So many times of half a second, which are longer than all bounds below."""
    return Clocks(*({bound: count if bound < 0.5 else 0.0 for bound in BOUNDS} for count in (run, request, loop)))


@pytest.mark.parametrize(
    ("gained", "process"),
    [
        (clocks(run=3, request=40), "worker"),
        (clocks(request=40), "worker"),
        (clocks(loop=3), "front"),
        (clocks(request=40, loop=3), "front"),
        (clocks(run=3, request=40, loop=3), "all"),
        (clocks(), None),
        (None, None),
    ],
)
def test_who_stood_still(gained: Clocks | None, process: str | None) -> None:
    (stall,) = found(stretch((1.0, 0.5), (20.0, 0.5), (30.0, 0.5), clocks=gained))
    assert stall.process == process
    assert stall.process_reason
    assert stall.why_null("process") == stall.process_reason


def test_one_time_of_many_shows_nothing() -> None:
    twelve = [(4.0 * number, 0.5) for number in range(12)]
    (stall,) = found(stretch(*twelve, clocks=clocks(run=12, request=99, loop=1)))
    assert stall.process == "worker"


def test_clocks_are_read_at_the_bound_below_the_length() -> None:
    times = {0.1: 7.0, 0.25: 4.0, 0.5: 1.0}
    assert [longer_than(times, length_s) for length_s in (0.05, 0.15, 0.3, 0.5, 0.6, 9.0)] == [0, 7, 4, 4, 1, 1]
    assert clocks(run=5).since(clocks(run=2)).run[0.1] == 3


def test_the_sentence_says_what_and_how_often() -> None:
    twelve = [(5.0 * number, 0.5) for number in range(12)]
    (stall,) = found(stretch(*twelve, clocks=clocks(run=12)))
    assert stall.sentence() == "a model worker stood still for 0.5 s about every 5 s (12 times in 60 s of load)"
    (once,) = found(stretch((7.0, 0.31)))
    assert once.sentence() == "the server stood still for 0.31 s 1 time in 60 s of load"
