"""Windows of load: what the server used for one, and how long one lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.profiling.load.client import LoadAnswer, pool_loads
from plimsoll.profiling.result.base import CoresUsed
from plimsoll.profiling.statistics import added, rank_percentile

_SHORTEST_S, _LONGEST_S = 0.25, 10.0
_ENOUGH_REQUESTS = 30
# One part in this many of the budget is a window's usual length.
_BUDGET_PARTS = 30.0
# The speed of the machine is not measured: on a virtual machine the same 400,000 turns of a loop took 9 or 17 ms of
# CPU, in spells of a second or so, whatever else ran there, as with a neighbour on the same core. SHA-256 varied less,
# by 3 to 13 %, but a model is no SHA-256.
NOISY_SHARE = 0.05
"""Of the machine: load beside which others use more of it is disturbed."""


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch of load and what the server's tree used for it, from first request to last answer.

    `anonymous_bytes` is memory that no file backs, `gpu_bytes` what is in use on the GPUs, right after the window.
    """

    answer: LoadAnswer
    cpu_s: dict[str, float]
    cores: Sequence[float]
    elsewhere_cores: float
    anonymous_bytes: int | None = None
    gpu_bytes: int | None = None

    @property
    def total_cpu_s(self) -> float:
        return sum(self.cpu_s.values())

    @property
    def cpu_per_request_s(self) -> float:
        """CPU seconds of the server per answered request, failed ones included."""
        return self.total_cpu_s / max(1, self.answer.requests)

    def cores_used(self, seconds: float) -> CoresUsed:
        """The mean is over so many seconds, in which the last answers may still have been awaited."""
        p95, most = (rank_percentile(self.cores, share) for share in (0.95, 1.0))
        return CoresUsed(mean=self.total_cpu_s / seconds if seconds else 0.0, p95=p95, max=most)


def pool_windows(windows: Sequence[Window]) -> Window:
    """What the server was answering and using in all of them together."""
    answer = pool_loads([window.answer for window in windows])
    weighted = sum(window.elsewhere_cores * window.answer.elapsed_s for window in windows)
    return Window(
        answer=answer,
        cpu_s=added(window.cpu_s for window in windows),
        cores=[cores for window in windows for cores in window.cores],
        elsewhere_cores=weighted / max(answer.elapsed_s, 1e-9),
        anonymous_bytes=windows[-1].anonymous_bytes,
        gpu_bytes=windows[-1].gpu_bytes,
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """Windows of one level; each stops at a pass's end between `seconds` and `max_seconds` if `whole_passes`."""

    windows: int
    seconds: float
    max_seconds: float
    whole_passes: bool

    @property
    def expected_s(self) -> float:
        return self.windows * self.seconds


def usual_window_s(budget_s: float) -> float:
    """1.5 s for the quick budget, 6 s for the default, never above 10 s."""
    return min(max(_SHORTEST_S, budget_s / _BUDGET_PARTS), _LONGEST_S)


def pace(budget_s: float, allowed_s: float, rate_rps: float, rows: int, windows: int = 3) -> Pace:
    """Windows for a level that is expected to answer `rate_rps` and may take about `allowed_s` in all.

    A window holds at least 30 requests; where even one third of the allowed time is too short for that, the level is
    one single window. A window of fewer than so many seconds as is usual is better than a level that is left out.
    """
    usual_s = usual_window_s(budget_s)
    longest_s = min(_LONGEST_S, max(usual_s, allowed_s / windows))
    short_s = min(usual_s, max(_SHORTEST_S, allowed_s / windows))
    wanted_s = max(short_s, _ENOUGH_REQUESTS / rate_rps)
    pass_s = rows / rate_rps
    if wanted_s > longest_s and _ENOUGH_REQUESTS / rate_rps > longest_s:
        seconds = max(longest_s, min(allowed_s, wanted_s))
        return Pace(1, seconds, seconds, whole_passes=False)
    seconds = min(wanted_s, longest_s)
    whole_passes = pass_s <= longest_s
    if whole_passes:
        seconds = max(seconds, pass_s * 0.9)
    return Pace(windows, seconds, seconds + pass_s * 1.5 if whole_passes else seconds, whole_passes)
