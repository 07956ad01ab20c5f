"""What the front and its logs count, as Prometheus metrics.

Names follow the Prometheus conventions; no label is unbounded.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from plimsoll.server.logs.lines import LogStreams
from plimsoll.server.metrics.counters import Metrics, Outcomes, Tally


class Counted(Collector):
    def __init__(self, metrics: Metrics, streams: LogStreams) -> None:
        self._metrics = metrics
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        yield _requests(self._metrics.requests)
        yield from map(_histogram, self._metrics.tallies)
        restarts = CounterMetricFamily(
            "plimsoll_worker_restarts", "Model workers replaced, by reason.", labels=["reason"]
        )
        for reason, count in self._metrics.restarts.items():
            restarts.add_metric([reason], count)
        yield restarts
        yield _dropped_lines(self._streams)


def _requests(outcomes: Outcomes) -> Metric:
    labels = ["route", "outcome", "status"]
    family = CounterMetricFamily("plimsoll_requests", "Requests by route, outcome and status.", labels=labels)
    for (route, outcome, status), count in outcomes.counts.items():
        family.add_metric([route, outcome, str(status)], count)
    return family


def _histogram(tally: Tally) -> Metric:
    bounds = [*map(floatToGoString, tally.bounds), "+Inf"]
    buckets = list(zip(bounds, tally.up_to_bounds(), strict=True))
    return HistogramMetricFamily(tally.name, tally.text, buckets=buckets, sum_value=tally.sum)


def _dropped_lines(streams: LogStreams) -> Metric:
    text = "Log lines dropped because the reader was too slow or the disk full."
    family = CounterMetricFamily("plimsoll_log_lines_dropped", text, labels=["stream"])
    for name, writer in streams.writers().items():
        family.add_metric([name], writer.dropped)
    return family
