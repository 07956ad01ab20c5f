"""Windows of load: what the server used for one, and how long one lasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.profiling.load.client import LoadAnswer

_SHORTEST_S, _LONGEST_S = 0.25, 10.0
_ENOUGH_REQUESTS = 30
# One part in this many of the budget is a window's usual length.
_BUDGET_PARTS = 30.0


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of load and what the server's tree used for it, from first request to last answer.

    `anonymous_bytes` is memory that no file backs, right after the window.
    """

    answer: LoadAnswer
    cpu_s: dict[str, float]
    cores: Sequence[float]
    elsewhere_cores: float
    anonymous_bytes: int | None = None

    @property
    def total_cpu_s(self) -> float:
        """Front and workers."""
        return sum(self.cpu_s.values())

    @property
    def cpu_per_request_s(self) -> float:
        """CPU seconds of the server per answered request, failed ones included."""
        return self.total_cpu_s / max(1, self.answer.requests)


def failures_by_row(windows: Sequence[Window]) -> Counter[int]:
    """Failures under load, by row index."""
    failures: Counter[int] = Counter()
    for window in windows:
        failures.update(window.answer.failed_rows)
    return failures


@dataclass(frozen=True, slots=True)
class Pace:
    """Windows of one level; each stops at a pass's end between `seconds` and `max_seconds` if `whole_passes`."""

    windows: int
    seconds: float
    max_seconds: float
    whole_passes: bool

    @property
    def expected_s(self) -> float:
        """All windows of the level."""
        return self.windows * self.seconds


def usual_window_s(budget_s: float) -> float:
    """1.5 s for the quick budget, 6 s for the default, never above 10 s."""
    return min(max(_SHORTEST_S, budget_s / _BUDGET_PARTS), _LONGEST_S)


def pace(budget_s: float, allowed_s: float, rate_rps: float, rows: int, windows: int = 3) -> Pace:
    """Windows for a level that is expected to answer `rate_rps` and may take about `allowed_s` in all.

    A window holds at least 30 requests; where even one third of the allowed time is too short for that, the level is
    one single window.
    """
    usual_s = usual_window_s(budget_s)
    longest_s = min(_LONGEST_S, max(usual_s, allowed_s / windows))
    wanted_s = max(usual_s, _ENOUGH_REQUESTS / rate_rps)
    pass_s = rows / rate_rps
    if wanted_s > longest_s and _ENOUGH_REQUESTS / rate_rps > longest_s:
        seconds = max(longest_s, min(allowed_s, wanted_s))
        return Pace(1, seconds, seconds, whole_passes=False)
    seconds = min(wanted_s, longest_s)
    whole_passes = pass_s <= longest_s
    if whole_passes:
        seconds = max(seconds, pass_s * 0.9)
    return Pace(windows, seconds, seconds + pass_s * 1.5 if whole_passes else seconds, whole_passes)
