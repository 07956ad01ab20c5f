"""Latencies in buckets of 1 %, with weights that need not be whole: one simulated request stands for many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

_PER_E = 100
"""Buckets to a factor of e: each is 1 % wide, so that a percentile is known to half a per cent."""
_LEAST_S = 1e-6

Buckets = dict[int, float]
"""Weight by bucket."""


def counted(latencies_s: Iterable[float | None]) -> Counter[int]:
    """How many are in each bucket; those that are None are left out."""
    log, first = math.log, math.log(_LEAST_S)
    return Counter([max(0, int((log(each) - first) * _PER_E)) for each in latencies_s if each is not None])


def bucket_of(latency_s: float) -> int:
    """0 for a microsecond and less."""
    return int(math.log(latency_s / _LEAST_S) * _PER_E) if latency_s > _LEAST_S else 0


def seconds_of(bucket: int) -> float:
    """Its middle."""
    return _LEAST_S * math.exp((bucket + 0.5) / _PER_E)


def merged(parts: Iterable[tuple[Mapping[int, float], float]]) -> Buckets:
    """The sum of the parts, each times its weight."""
    total: Buckets = {}
    for buckets, weight in parts:
        for bucket, share in buckets.items():
            total[bucket] = total.get(bucket, 0.0) + weight * share
    return total


def percentile_s(buckets: Mapping[int, float], share: float, failed: float = 0.0) -> float | None:
    """What `share` of all requests do not exceed, a failed one being slower than any answer; None if it failed."""
    left = share * (sum(buckets.values()) + failed)
    for bucket in sorted(buckets):
        left -= buckets[bucket]
        if left <= 1e-9:
            return seconds_of(bucket)
    return None


def share_within(buckets: Mapping[int, float], seconds: float, failed: float = 0.0) -> float:
    """Of all requests, how many were answered in time; 1 where there were none."""
    total = sum(buckets.values()) + failed
    return sum(weight for bucket, weight in buckets.items() if seconds_of(bucket) <= seconds) / total if total else 1.0
