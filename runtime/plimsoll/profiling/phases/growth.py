"""Phase: does memory grow with every request? Many windows at the knee, memory read after each.

The same windows give the knee's high percentiles the requests they need.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from plimsoll.profiling.latency import needed_for
from plimsoll.profiling.measure.server import ServerUnderTest
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.statistics import Points, rising_chance, theil_sen, theil_sen_interval

Verdict = Literal["none", "saturating", "growing", "unresolved"]

_WINDOWS = 12
_FEWEST_READINGS = 8
_CHANCE = 0.01
_STILL_GROWING = 0.5
# Below this an allocator's own habits cannot be told from growth.
_SMALLEST_RISE_BYTES = 512 * 1024
_WORTH_HAVING = (0.95, 0.99)
_LONGEST_S = 30.0
# Requests may come slower than before.
_SLACK = 1.1


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes per request with the 95 % interval; `requests` is how many lay between the first reading and the last.

    Without a verdict `unknown` says why.
    """

    verdict: Verdict | None = None
    bytes_per_request: float | None = None
    interval: tuple[float, float] | None = None
    readings: int | None = None
    requests: int | None = None
    unknown: str = "this phase was not run"


def watch_growth(server: ServerUnderTest, knee: Level, seconds: float) -> tuple[Level, Growth]:
    """Answers the knee level with more windows, too."""
    extra_s = extra_seconds(knee.successes, knee.throughput_rps, server.watch.left_s())
    window_s = max(seconds, min(extra_s or 0.0, 2 * seconds)) / _WINDOWS
    server.begin("growth", window_s * _WINDOWS)
    server.meter.reset_peaks()
    windows = [_window(server, knee, window_s) for _ in range(_WINDOWS)]
    longer = dataclasses.replace(
        knee,
        windows=(*knee.windows, *windows),
        memory=server.meter.memory(),
        unexpected_failures=knee.unexpected_failures + server.unexpected(windows),
    )
    return longer, judge(readings(windows))


def _window(server: ServerUnderTest, knee: Level, seconds: float) -> Window:
    pass_s = len(server.rows) / max(knee.throughput_rps, 1e-9)
    return server.window(knee.connections, seconds, seconds + min(pass_s, seconds), whole_passes=pass_s <= seconds)


def readings(windows: Sequence[Window]) -> Points:
    """Requests so far and memory then, after each window; none where the kernel does not tell the memory."""
    points, requests = [], 0
    for window in windows:
        requests += window.answer.requests
        if window.anonymous_bytes is not None:
            points.append((float(requests), float(window.anonymous_bytes)))
    return points


def judge(points: Points) -> Growth:
    """Growing: it rises for certain, and in the second half at least half as fast as in the first."""
    if len(points) < _FEWEST_READINGS:
        return Growth("unresolved", None, None, len(points), 0)
    requests = round(points[-1][0] - points[0][0])
    rate = theil_sen(points)
    return Growth(_verdict(points), rate, theil_sen_interval(points), len(points), requests)


def _verdict(points: Points) -> Verdict:
    certain = rising_chance([size for _, size in points]) < _CHANCE
    if not certain or points[-1][1] - points[0][1] < _SMALLEST_RISE_BYTES:
        return "none"
    half = len(points) // 2
    first, second = theil_sen(points[: half + 1]), theil_sen(points[half:])
    return "growing" if second > 0 and second >= _STILL_GROWING * first else "saturating"


def extra_seconds(successes: int, rate_rps: float, left_s: float) -> float | None:
    """How much longer to load until the highest percentile that the time left allows; None where there is none."""
    missing = [needed_for(share) - successes for share in _WORTH_HAVING]
    times_s = [count / rate_rps * _SLACK for count in missing if count > 0]
    reachable_s = [time_s for time_s in times_s if time_s <= min(left_s, _LONGEST_S)]
    return max(reachable_s, default=None)
