"""Stalls: which bursts of late answers are named, how often they come, and which process stood still.

plimsoll.profiling.load.bursts says what a burst is. Here those of all steady load on one configuration come
together. A single burst is an accident of the machine as likely as not: two of about the same length (within a factor
of 2) are a stall, or one of 0.25 s. Where others used the machine meanwhile, bursts under 0.25 s are theirs as likely
as the server's, and are left out; a longer one must have come twice.

**Period.** The smallest distance P between two bursts of a server such that four of five bursts are followed by another
after P, within a tenth. Counted are those after which there was load at that time; at least two. Chance must not do it
as well: if bursts came at random at the same rate (Poisson), so many hits had to be as unlikely as one in a hundred
(binomial), divided by the number of distances that were tried before (Bonferroni). Several workers with the same period
and other phases are then still one P; those that take turns, evenly but for a little, are not mistaken for one that
stands still more often by that little.

**Process.** The front times run() in the worker, the whole of each request, and its own event loop. What has gained
times of about the stall's length meanwhile has stood still, or waited for it. If run() took that long, the worker stood
still inside it; if only requests did, after they were handed over, then outside it (a thread of the script that holds
Python's lock, a stopped process). If the event loop's timer rang as late, so did the front. Where front and workers
were stopped together while no call ran, no clock can tell that from a front that was stopped alone.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from plimsoll.profiling.advice.configuration import Configuration, counted
from plimsoll.profiling.advice.slo import binomial_at_most
from plimsoll.profiling.load.bursts import Burst
from plimsoll.profiling.result.stalls import StallResult, WhoStoodStill

_LONG_S = 0.25
"""A burst of this length is a stall even if it comes only once."""
_ALIKE = 2.0
_PERIOD_TOLERANCE = 0.1
_PERIOD_SHARE = 0.8
_FEWEST_CHECKS = 2
_CHANCE = 0.01
# What scatters by itself does so by 1/sqrt(n) as much, in parts of it, over n periods.
_MUCH_LESS = 0.25
# No more bursts than this come in one period of all workers together.
_NEIGHBOURS = 40
# A clock shows a stall if it gained at least so many times of about its length.
_SHOWN_SHARE = 0.25
# Bounds of histograms are round numbers: the greatest one below the length tells most.
_CLOSE_BELOW = 0.9

Times = Mapping[float, float]
"""How many times were longer than each bound, in seconds."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the front has timed so far: run(), whole requests, and how late its own event loop was."""

    run: Times
    request: Times
    loop: Times

    def since(self, before: Clocks) -> Clocks:
        """What was timed after `before`."""
        return Clocks(_less(self.run, before.run), _less(self.request, before.request), _less(self.loop, before.loop))


def _less(after: Times, before: Times) -> Times:
    return {bound: count - before.get(bound, 0.0) for bound, count in after.items()}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steady load on one server, in seconds of the run; shorter bursts than `stuck_s` would not have been found.

    `clocks` is what the front gained meanwhile, None where it did not say or nothing was late. `elsewhere_cores` is
    what others used of the machine.
    """

    server: int
    configuration: Configuration
    phase: str
    begin_s: float
    end_s: float
    stuck_s: float
    bursts: tuple[Burst, ...] = ()
    clocks: Clocks | None = None
    elsewhere_cores: float = 0.0

    def shows(self, length_s: float) -> bool:
        """Whether a stall of this length would have been seen."""
        return self.stuck_s < length_s


_Seen = tuple[Stretch, Burst]


def find_stalls(stretches: Sequence[Stretch], recommended: Configuration, noisy_cores: float) -> list[StallResult]:
    """The longest first, those of the recommended configuration before others."""
    found = []
    for configuration in dict.fromkeys(stretch.configuration for stretch in stretches):
        own = [stretch for stretch in stretches if stretch.configuration == configuration]
        for group in alike([(stretch, burst) for stretch in own for burst in stretch.bursts]):
            trusted = [seen for seen in group if seen[1].seconds >= _LONG_S or seen[0].elsewhere_cores <= noisy_cores]
            if is_stall(trusted, noisy_cores):
                found.append(_stall(own, trusted, configuration == recommended))
    return sorted(found, key=lambda stall: (not stall.recommended, -stall.length_seconds))


def alike(seen: Sequence[_Seen]) -> Iterator[list[_Seen]]:
    """Groups of about the same length, the longest first."""
    ordered = sorted(seen, key=lambda one: one[1].seconds, reverse=True)
    while ordered:
        least_s = ordered[0][1].seconds / _ALIKE
        group = [one for one in ordered if one[1].seconds >= least_s]
        ordered = ordered[len(group) :]
        yield group


def is_stall(group: Sequence[_Seen], noisy_cores: float) -> bool:
    """Enough of them, or one that is long enough on a quiet machine."""
    if len(group) != 1:
        return len(group) > 1
    stretch, burst = group[0]
    return burst.seconds >= _LONG_S and stretch.elsewhere_cores <= noisy_cores


def _stall(own: Sequence[Stretch], group: Sequence[_Seen], recommended: bool) -> StallResult:
    group = sorted(group, key=lambda seen: seen[1].at_s)
    lengths_s = [burst.seconds for _, burst in group]
    length_s = statistics.median(lengths_s)
    observed = [stretch for stretch in own if stretch.shows(length_s)]
    period_s, period_reason = find_period(combs(observed, group), length_s, group[0][0].configuration.workers)
    process, process_reason = who_stood_still(group, length_s)
    layout = group[0][0].configuration
    return StallResult.of(
        layout,
        recommended=recommended,
        phases=list(dict.fromkeys(stretch.phase for stretch, _ in group)),
        length_seconds=round(length_s, 4),
        longest_seconds=round(max(lengths_s), 4),
        count=len(group),
        observed_seconds=round(sum(stretch.end_s - stretch.begin_s for stretch in observed), 2),
        period_seconds=None if period_s is None else round(period_s, 3),
        period_reason=period_reason,
        process=process,
        process_reason=process_reason,
        answers=sum(burst.answers for _, burst in group),
        at_seconds=[round(burst.at_s, 2) for _, burst in group],
    )


@dataclass(frozen=True, slots=True)
class Comb:
    """When the bursts of one server came, in order, and when there was load on it."""

    times_s: Sequence[float]
    loads_s: Sequence[tuple[float, float]]

    def was_loaded(self, at_s: float) -> bool:
        return any(begin_s <= at_s <= end_s for begin_s, end_s in self.loads_s)

    def after(self, at_s: float, period_s: float) -> float | None:
        """The burst nearest to a period later, within the tolerance."""
        target_s, half_s = at_s + period_s, _PERIOD_TOLERANCE * period_s
        near = self.times_s[
            bisect_left(self.times_s, target_s - half_s) : bisect_right(self.times_s, target_s + half_s)
        ]
        return min(near, key=lambda time_s: abs(time_s - target_s), default=None)


def combs(observed: Sequence[Stretch], group: Sequence[_Seen]) -> list[Comb]:
    """One for each server: another one begins to count anew."""
    made = []
    for server in dict.fromkeys(stretch.server for stretch in observed):
        times_s = sorted(burst.at_s for stretch, burst in group if stretch.server == server)
        loads_s = [(stretch.begin_s, stretch.end_s) for stretch in observed if stretch.server == server]
        made.append(Comb(times_s, loads_s))
    return made


def find_period(made: Sequence[Comb], length_s: float, workers: int = 1) -> tuple[float | None, str]:
    """The period and what it rests on; None with the reason."""
    count, loaded_s = sum(len(comb.times_s) for comb in made), sum(e - b for comb in made for b, e in comb.loads_s)
    if count <= _FEWEST_CHECKS:
        return None, f"it was seen only {counted(count, 'time')}"
    tried, last_s = 0, 0.0
    for period_s in sorted(distance_s for distance_s in distances(made) if distance_s >= 2 * length_s):
        if period_s > (1 + _PERIOD_TOLERANCE) * last_s:
            tried, last_s = tried + 1, period_s
        checks, gaps_s = _followed(made, period_s)
        by_chance = 1 - math.exp(-count / loaded_s * 2 * _PERIOD_TOLERANCE * period_s)
        if _enough(checks, gaps_s) and tried * (1 - binomial_at_most(len(gaps_s) - 1, checks, by_chance)) <= _CHANCE:
            checks, gaps_s = _in_turn(made, workers, checks, gaps_s)
            return statistics.median(gaps_s), f"{len(gaps_s)} of {checks} were followed by the next after this time"
    return None, "they came at no regular distance that chance does not explain"


def _enough(checks: int, gaps_s: Sequence[float]) -> bool:
    return checks >= _FEWEST_CHECKS and len(gaps_s) >= _PERIOD_SHARE * checks


def _in_turn(made: Sequence[Comb], workers: int, checks: int, gaps_s: list[float]) -> tuple[int, list[float]]:
    """Workers that take turns look like one that stands still more often, but not as regularly as each of them."""
    longest_s = workers * (1 + _PERIOD_TOLERANCE) * statistics.median(gaps_s) if workers > 1 else 0.0
    for period_s in sorted(distance_s for distance_s in distances(made) if distance_s <= longest_s):
        more_checks, more_s = _followed(made, period_s)
        if _enough(more_checks, more_s) and _scatter(more_s) < _MUCH_LESS * _scatter(gaps_s):
            return more_checks, more_s
    return checks, gaps_s


def _scatter(gaps_s: Sequence[float]) -> float:
    """How far they are from their median, in parts of it."""
    middle_s = statistics.median(gaps_s)
    return statistics.fmean(abs(gap_s - middle_s) for gap_s in gaps_s) / middle_s


def distances(made: Sequence[Comb]) -> Iterator[float]:
    """Between bursts of one server that are not too far from each other."""
    for comb in made:
        for place, time_s in enumerate(comb.times_s):
            yield from (later_s - time_s for later_s in comb.times_s[place + 1 : place + 1 + _NEIGHBOURS])


def _followed(made: Sequence[Comb], period_s: float) -> tuple[int, list[float]]:
    """How many bursts could have been followed by another a period later, and how much later those came that did."""
    checks, gaps_s = 0, []
    for comb in made:
        for time_s in comb.times_s:
            if comb.was_loaded(time_s + period_s):
                checks += 1
                next_s = comb.after(time_s, period_s)
                gaps_s += [] if next_s is None else [next_s - time_s]
    return checks, gaps_s


def who_stood_still(group: Sequence[_Seen], length_s: float) -> tuple[WhoStoodStill | None, str]:
    """Which process, and what says so."""
    asked = {id(stretch): stretch.clocks for stretch, _ in group if stretch.clocks is not None}
    if not asked:
        return None, "the server's metrics could not be read meanwhile"
    needed = max(1.0, _SHOWN_SHARE * sum(id(stretch) in asked for stretch, _ in group))
    shown = {
        name
        for name in ("run", "request", "loop")
        if sum(longer_than(getattr(clocks, name), length_s) for clocks in asked.values()) >= needed
    }
    if "loop" in shown:
        both = "run() and the front's event loop took that long"
        return ("all", both) if "run" in shown else ("front", "the front's event loop took that long, run() did not")
    if "run" in shown:
        return "worker", "run() took that long, the front's event loop did not"
    if "request" in shown:
        return "worker", "requests were handed over and waited that long, outside run(); the event loop did not"
    return None, "neither run() nor the front's event loop took that long, nor any request since the front had read it"


def longer_than(times: Times, length_s: float) -> float:
    """How many were about as long, as far as the bounds tell."""
    below = [bound for bound in times if bound <= _CLOSE_BELOW * length_s]
    return times[max(below)] if below else 0.0
