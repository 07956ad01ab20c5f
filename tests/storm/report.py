"""What the storm tells: a line of progress, and a table at the end."""

from __future__ import annotations

import sys
from collections import Counter
from statistics import median
from typing import Any

from storm.audit import LOST
from storm.round import Result
from storm.shapes import Shape


class Progress:
    """One line, written over while it lasts, where there is a terminal; every 10 s elsewhere."""

    def __init__(self, every: int = 50) -> None:
        self._every = every
        self._count = 0

    def __call__(self, shape: Shape, told: dict[str, Any], strikes: int) -> None:
        self._count += 1
        if self._count % self._every == 0:
            outcomes = Counter(told["outcomes"])
            right = sum(count for key, count in outcomes.items() if key.endswith(": right"))
            sys.stderr.write(f"  {shape.name}: {told['started']} sent, {right} right, {strikes} faults\n")


def table(results: list[Result]) -> str:
    lines = [
        f"{'round':<14}{'seed':<10}{'sent':>9}{'s':>7}{'faults':>8}{'deaths':>8}"
        f"{'lost':>6}{'cpu':>7}{'load cpu':>9}  complaints"
    ]
    for one in results:
        lost = sum(count for key, count in one.outcomes.items() if key.partition(": ")[2] in LOST)
        lines.append(
            f"{one.shape.name:<14}{one.seed:<10}{one.started:>9}{one.seconds:>7.0f}{len(one.strikes):>8}{one.deaths:>8}"
            f"{lost:>6}{one.server_cpu_s:>7.1f}{one.generator_cpu_s:>9.1f}  {len(one.complaints)}"
        )
    return "\n".join([*lines, "", *_outcome_lines(results), "", *_recovery_lines(results), *_growth_lines(results)])


def _outcome_lines(results: list[Result]) -> list[str]:
    total: Counter[str] = Counter()
    for one in results:
        for key, count in one.outcomes.items():
            total[key.split(": ", 1)[1]] += count
    return [f"{how:<28}{count:>10}" for how, count in total.most_common()]


def _recovery_lines(results: list[Result]) -> list[str]:
    """By fault: how long until every worker was ready again, single deaths apart from those in a row."""
    found: dict[tuple[str, bool], list[float]] = {}
    for strike in (strike for one in results for strike in one.strikes):
        if strike.whole_after_s is not None:
            found.setdefault((strike.name, strike.single), []).append(strike.whole_after_s)
    start_s = [one.start_s for one in results]
    lines = [f"start of a server: median {median(start_s):.2f} s; whole again after a death, in seconds:"]
    for (name, single), times in sorted(found.items()):
        what = f"{name} ({'single' if single else 'in a row'})"
        lines.append(f"  {what:<28}{len(times):>4} times, median {median(times):.2f}  longest {max(times):.2f}")
    return lines


def _growth_lines(results: list[Result]) -> list[str]:
    return [
        f"grown in {one.started} requests, {one.shape.name}: "
        + ", ".join(f"{name} {size / 1e6:+.1f} MB" for name, size in sorted(one.grown_bytes.items()))
        for one in results
        if not one.shape.faults
    ]
