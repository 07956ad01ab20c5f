"""Answers that were late together, and how much of that neither their rows nor a queue explain.

The driver looks for them at the end of each stretch, so that only what is left travels to the profiler. Which of them
are named as stalls is decided there, over many stretches (plimsoll.profiling.advice.stalls).

How long a request was on its slot is known from outside, since calls begin in the order in which they come: one begins
when fewer calls than there are slots were before it. So whoever waited behind an expensive row, or behind many, was not
stuck. A request was stuck whose time on its slot exceeds what its row needs by 20 times the median of the stretch, and
by 50 ms. Random times do not come so far: the greatest of n exponential times is about ln n + 0.58 means, a mean is
1/ln 2 medians, and so 20 medians are what the slowest of half a million requests is expected to take. Where times are
less spread than exponential ones, whose third quartile is two medians, 4 medians and 16 times the distance of the two
are enough.

Stuck requests whose times overlap are one burst, as long as the longest excess among them. A burst is dropped in which
the driver stood still itself for half the length, or beside which a row was answered that needs half of it anyway.

What a row needs is the least that it ever took, alone or not. Where the server as a whole is slower now (fewer CPUs,
threads that wait for each other) all rows are taken to need more by as much as the median is.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from plimsoll.profiling.load.timers import Pauses, paused_ns

KEPT_NS = 25_000_000
"""Faster answers are not kept: so much a time on a slot may be put too high where it began with one of those."""
_LEAST_NS = 50_000_000
_MEDIANS, _FEWEST_MEDIANS = 20, 4
# What happens to every tenth answer is no accident: calls take so long now and then.
_MOST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class SlowAnswer:
    """`due_ns` and `ended_ns` are nanoseconds of the monotonic clock, the same in all processes."""

    due_ns: int
    ended_ns: int
    row: int

    @property
    def latency_ns(self) -> int:
        return self.ended_ns - self.due_ns


@dataclass(frozen=True, slots=True)
class Burst:
    """`at_s` is when the request was due that was stuck for `seconds`; so many `answers` were late with it."""

    at_s: float
    seconds: float
    answers: int


@dataclass(frozen=True, slots=True)
class _Timed:
    """An answer, the time on its slot, and what its row needs."""

    answer: SlowAnswer
    run_ns: int
    need_ns: float

    @property
    def excess_ns(self) -> float:
        return self.run_ns - self.need_ns


@dataclass(frozen=True, slots=True)
class Found:
    """The bursts in the order of time; shorter ones than `limit_s` would not have been found."""

    limit_s: float = 0.0
    bursts: tuple[Burst, ...] = ()


def find_bursts(
    kept: Sequence[SlowAnswer], fast_ns: Sequence[int], least_ns: Mapping[int, int], slots: int, pauses: Pauses
) -> Found:
    """`kept` are all answers that took `KEPT_NS` or more, `fast_ns` the latencies of the others."""
    if not kept and not fast_ns:
        return Found()
    ordered = sorted(kept, key=lambda answer: answer.due_ns)
    runs_ns = list(run_times_ns(ordered, slots))
    times_ns = sorted([*fast_ns, *runs_ns])
    median_ns, quartile_ns = (times_ns[part * len(times_ns) // 4] for part in (2, 3))
    limit_ns, slowdown = stuck_limit_ns(median_ns, quartile_ns), _slowdown(median_ns, least_ns)
    timed = [
        _Timed(answer, run_ns, least_ns.get(answer.row, 0) * slowdown)
        for answer, run_ns in zip(ordered, runs_ns, strict=True)
    ]
    stuck = [one for one in timed if one.excess_ns > limit_ns]
    if len(stuck) > max(1, _MOST_SHARE * len(times_ns)):
        return Found(limit_ns / 1e9)
    late = [one for one in timed if one.answer.latency_ns > limit_ns]
    found = (_judged(group, late, pauses) for group in _overlapping(stuck))
    return Found(limit_ns / 1e9, tuple(burst for burst in found if burst is not None))


def stuck_limit_ns(median_ns: float, quartile_ns: float) -> float:
    """Whoever exceeds what its row needs by more was stuck, where times have this median and third quartile."""
    spread_ns = (_MEDIANS - _FEWEST_MEDIANS) * (quartile_ns - median_ns)
    return max(_LEAST_NS, min(_MEDIANS * median_ns, _FEWEST_MEDIANS * median_ns + spread_ns))


def _slowdown(median_ns: float, least_ns: Mapping[int, int]) -> float:
    """How much more all rows need than at best."""
    return max(1.0, median_ns / statistics.median(least_ns.values())) if least_ns else 1.0


def run_times_ns(ordered: Sequence[SlowAnswer], slots: int) -> Iterator[int]:
    """How long each was on its slot at most: from when fewer than `slots` of those before it were left."""
    ends: list[int] = []
    for answer in ordered:
        begun_ns = max(answer.due_ns, ends[0]) if len(ends) == slots else answer.due_ns
        yield max(0, answer.ended_ns - begun_ns)
        heapq.heappush(ends, answer.ended_ns)
        if len(ends) > slots:
            heapq.heappop(ends)


def _overlapping(stuck: Sequence[_Timed]) -> Iterator[list[_Timed]]:
    """Groups of those that were stuck at the same time; `stuck` is in the order in which they were due."""
    group: list[_Timed] = []
    end_ns = 0
    for one in stuck:
        if group and one.answer.due_ns > end_ns:
            yield group
            group = []
        group.append(one)
        end_ns = max(end_ns, one.answer.ended_ns)
    if group:
        yield group


def _judged(group: Sequence[_Timed], late: Sequence[_Timed], pauses: Pauses) -> Burst | None:
    """None where it is explained."""
    longest = max(group, key=lambda one: one.excess_ns)
    due_ns, ended_ns, explained_ns = longest.answer.due_ns, longest.answer.ended_ns, longest.excess_ns / 2
    with_it = [one for one in late if one.answer.due_ns <= ended_ns and one.answer.ended_ns >= due_ns]
    if max(one.need_ns for one in with_it) >= explained_ns or paused_ns(pauses, due_ns, ended_ns) >= explained_ns:
        return None
    return Burst(due_ns / 1e9, longest.excess_ns / 1e9, len(with_it))
