"""Latencies in an HDR histogram: microseconds, three significant digits, one hour at most.

Histograms of several windows are added, never their percentiles averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from hdrh.histogram import HdrHistogram

_LONGEST_US = 3_600_000_000
_DIGITS = 3
_NS_PER_US = 1000
_CONFIDENCE = 0.95
# With more failures than this nobody's latency is stated: the level shows a server that breaks, not how fast it is.
# One in a hundred is where the search for the capacity stops, too.
MOST_FAILED_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Distribution:
    """Latencies of successful requests, pooled; `failed` requests had no right answer, however long one waits."""

    histogram: HdrHistogram
    sum_s: float
    failed: int = 0

    @property
    def count(self) -> int:
        return int(self.histogram.get_total_count())

    @property
    def withheld(self) -> bool:
        """Whether so many requests failed that the time of the others would mislead."""
        return self.failed > MOST_FAILED_SHARE * (self.count + self.failed)

    def mean_s(self) -> float | None:
        """Exact mean, from the sum and not from the buckets."""
        return self.sum_s / self.count if self.count else None

    def max_s(self) -> float | None:
        return self.histogram.get_max_value() / 1e6 if self.count else None

    def squared_variation(self) -> float | None:
        """Variance over squared mean (CV²); needs two requests."""
        mean_us = self.histogram.get_mean_value()
        if self.count < 2 or not mean_us:
            return None
        return float((self.histogram.get_stddev() / mean_us) ** 2)

    def count_above(self, limit_s: float) -> int:
        """How many took longer, as exact as the histogram (three digits)."""
        limit_us = limit_s * 1e6
        return sum(
            item.count_added_in_this_iter_step
            for item in self.histogram.get_recorded_iterator()
            if self.histogram.get_lowest_equivalent_value(item.value_iterated_to) > limit_us
        )

    def percentile_s(self, share: float) -> float | None:
        """The latency that `share` (0..1) of all requests do not exceed, a failed one being slower than any answer.

        None where there are too few requests, or too many of them failed.
        """
        rank = share * (self.count + self.failed)
        if self.withheld or rank > self.count or self.count < needed_for(share):
            return None
        return self.rank_s(rank)

    def rank_s(self, rank: float) -> float:
        """The latency that this many successful requests, at least one, do not exceed.

        The histogram rounds a rank to the nearest whole number, by which 99 % of 360 would be 356 of them: one too few.
        """
        whole = max(1, math.ceil(rank))
        return cast("int", self.histogram.get_value_at_percentile(whole / self.count * 100)) / 1e6


def needed_for(share: float) -> int:
    """Requests from which a percentile may be stated at 95 % confidence: the least n with share^n ≤ 0.05.

    With fewer, all requests may well lie below the percentile. 59 for p95, 299 for p99.
    """
    return math.ceil(math.log(1 - _CONFIDENCE) / math.log(share))


def pool(distributions: Iterable[Distribution]) -> Distribution:
    """All successful requests together."""
    pooled, sum_s = _empty(), 0.0
    for distribution in distributions:
        pooled.add(distribution.histogram)
        sum_s += distribution.sum_s
    return Distribution(pooled, sum_s)


def encode_histogram(latencies_ns: Iterable[int]) -> str:
    """Text that a JSON line can carry."""
    histogram = _empty()
    for latency_ns in latencies_ns:
        histogram.record_value(min(max(1, latency_ns // _NS_PER_US), _LONGEST_US))
    return cast("bytes", histogram.encode()).decode("ascii")


def decode_distribution(text: str, sum_s: float) -> Distribution:
    """What `encode_histogram` wrote, with the exact sum that goes with it."""
    return Distribution(HdrHistogram.decode(text.encode("ascii")), sum_s)


def _empty() -> HdrHistogram:
    return HdrHistogram(1, _LONGEST_US, _DIGITS)
