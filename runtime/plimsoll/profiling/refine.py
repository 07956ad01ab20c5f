"""Phase: time that is left goes to the knee, so that its high percentiles rest on enough requests."""

from __future__ import annotations

from plimsoll.profiling.bench import Bench, failures_by_row
from plimsoll.profiling.capacity import Capacity, Level
from plimsoll.profiling.latency import needed_for

_WORTH_HAVING = (0.95, 0.99)
_LONGEST_S = 30.0
# Requests may come slower than before.
_SLACK = 1.1


def refine(bench: Bench, capacity: Capacity, known_failing: frozenset[int]) -> None:
    """One more window at the knee if that buys p95 or p99; nothing if they are there or out of reach."""
    knee = capacity.knee()
    if knee is None:
        return
    seconds = extra_seconds(knee.successes, knee.throughput_rps, bench.watch.left_s())
    if seconds is None:
        return
    bench.begin("percentiles", seconds)
    bench.meter.reset_peaks()
    window = bench.window(knee.connections, seconds, seconds, whole_passes=False)
    failures = failures_by_row([window])
    unexpected = sum(count for row, count in failures.items() if row not in known_failing)
    capacity.levels[capacity.levels.index(knee)] = Level(
        knee.connections, (*knee.windows, window), bench.meter.memory(), knee.unexpected_failures + unexpected
    )


def extra_seconds(successes: int, rate_rps: float, left_s: float) -> float | None:
    """How much longer to load until the highest percentile that the time left allows; None where there is none."""
    missing = [needed_for(share) - successes for share in _WORTH_HAVING]
    times_s = [count / rate_rps * _SLACK for count in missing if count > 0]
    reachable_s = [time_s for time_s in times_s if time_s <= min(left_s, _LONGEST_S)]
    return max(reachable_s, default=None)
