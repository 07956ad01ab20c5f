"""Phase: the operating point. The highest rate that keeps the SLO, then latency at the rate a replica will carry."""

from __future__ import annotations

from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.latency import needed_for
from plimsoll.profiling.measure.server import Bench, Stopwatch
from plimsoll.profiling.phases.open_loop import RateLevel, run_rate

_CLOSE_ENOUGH = 0.05
_MOST_PROBES = 6
_FIRST_SHARE = 0.7
_SPARE = 1.3


def slo_met(level: RateLevel, slo: Slo | None) -> bool | None:
    """A queue that grows keeps no objective for long."""
    if slo is None:
        return None
    if level.queue_grows:
        return False
    return slo.met(level.latency, level.answer.load.requests - level.answer.load.successes)


def search_slo(bench: Bench, slo: Slo, capacity_rps: float, budget_s: float, rates: list[RateLevel]) -> float:
    """Bisects the rate until it is known within 5 % or the time is up; undecided levels count as missed.

    Answers the highest rate that kept the objective, 0 where none did; every level is added to `rates`.
    """
    watch, low_rps, high_rps = Stopwatch(budget_s), 0.0, capacity_rps
    rate_rps = _FIRST_SHARE * capacity_rps
    for _ in range(_MOST_PROBES):
        seconds = _SPARE * needed_for(slo.share) / rate_rps
        if seconds > watch.left_s():
            break
        rates.append(run_rate(bench, rate_rps, seconds))
        if slo_met(rates[-1], slo):
            low_rps = rate_rps
        else:
            high_rps = rate_rps
        if high_rps - low_rps <= _CLOSE_ENOUGH * high_rps:
            break
        rate_rps = (low_rps + high_rps) / 2
    return low_rps
