"""Phase: does memory grow with every request, that of the GPUs too? Many windows at the knee, memory read after each.

The same windows give the knee's high percentiles the requests they need.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from plimsoll.profiling.latency import needed_for
from plimsoll.profiling.measure.server import ServerUnderTest
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.result.growth import GrowthResult, GrowthVerdict
from plimsoll.profiling.statistics import Points, rising_chance, theil_sen, theil_sen_interval

_WINDOWS = 12
_FEWEST_READINGS = 8
_CHANCE = 0.01
_STILL_GROWING = 0.5
# Below these an allocator's own habits cannot be told from growth: of the C library, and of frameworks on a GPU, which
# take it by 2 MiB for small tensors and by 20 for larger ones (PyTorch, c10/cuda/CUDACachingAllocator.h).
_SMALLEST_RISE_BYTES, _SMALLEST_GPU_RISE_BYTES = 512 * 1024, 40 * 1024 * 1024
_WORTH_HAVING = (0.95, 0.99)
_LONGEST_S = 30.0
# Requests may come slower than before.
_SLACK = 1.1


@dataclass(frozen=True, slots=True)
class Growth:
    """The knee's level with more windows, and how memory grew in them; `gpu` is None where nothing tells it."""

    knee: Level
    memory: GrowthResult
    gpu: GrowthResult | None


def watch_growth(server: ServerUnderTest, knee: Level, seconds: float, most_s: float) -> Growth:
    """Up to `most_s` of load where that buys a percentile."""
    extra_s = extra_seconds(knee.result.successes, knee.result.requests_per_second, server.watch.left_s())
    window_s = max(seconds, min(extra_s or 0.0, most_s)) / _WINDOWS
    server.begin("growth", window_s * _WINDOWS, steady=True)
    server.meter.reset_peaks()
    windows = [_window(server, knee, window_s) for _ in range(_WINDOWS)]
    longer = dataclasses.replace(
        knee,
        windows=(*knee.windows, *windows),
        memory=server.meter.memory(),
        unexpected_failures=knee.unexpected_failures + server.unexpected(windows),
    )
    return Growth(longer, judge(readings(windows)), judge_gpu(gpu_readings(windows)))


def _window(server: ServerUnderTest, knee: Level, seconds: float) -> Window:
    pass_s = len(server.rows) / max(knee.result.requests_per_second, 1e-9)
    return server.window(knee.connections, seconds, seconds + min(pass_s, seconds), whole_passes=pass_s <= seconds)


def readings(windows: Sequence[Window]) -> Points:
    """Thousands of requests so far and memory then, after each window; none where the kernel does not report it."""
    return _points(windows, [window.anonymous_bytes for window in windows])


def gpu_readings(windows: Sequence[Window]) -> Points:
    """The same of the GPUs' memory."""
    return _points(windows, [window.gpu_bytes for window in windows])


def _points(windows: Sequence[Window], sizes: Sequence[int | None]) -> Points:
    counts = accumulate(window.answer.requests for window in windows)
    return [(count / 1000, float(size)) for count, size in zip(counts, sizes, strict=True) if size is not None]


def judge(points: Points, smallest_rise_bytes: int = _SMALLEST_RISE_BYTES) -> GrowthResult:
    """Growing: it rises for certain, and in the second half at least half as fast as in the first."""
    if len(points) < _FEWEST_READINGS:
        return GrowthResult(verdict="unresolved", readings=len(points), requests=0)
    lower, upper = theil_sen_interval(points)
    return GrowthResult(
        verdict=_verdict(points, smallest_rise_bytes),
        bytes_per_1000_requests=theil_sen(points),
        lower_bytes_per_1000_requests=lower,
        upper_bytes_per_1000_requests=upper,
        readings=len(points),
        requests=round(1000 * (points[-1][0] - points[0][0])),
    )


def judge_gpu(points: Points) -> GrowthResult | None:
    return judge(points, _SMALLEST_GPU_RISE_BYTES) if points else None


def _verdict(points: Points, smallest_rise_bytes: int) -> GrowthVerdict:
    certain = rising_chance([size for _, size in points]) < _CHANCE
    if not certain or points[-1][1] - points[0][1] < smallest_rise_bytes:
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
