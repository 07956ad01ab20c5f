"""What became of the records, for a scrape."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from plimsoll.server.collection.collection import Collection

_REASONS = ("buffer_full", "too_large", "write_failed", "worker_full", "malformed")


class CollectionMetrics(Collector):
    """Names of collections are the script's, and bounded in number."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._writer = collection.writer

    def collect(self) -> Iterable[Metric]:
        written = CounterMetricFamily("plimsoll_collect_records", "Records written.", labels=["collection"])
        for name, count in self._writer.written.copy().items():
            written.add_metric([name], count)
        dropped = CounterMetricFamily("plimsoll_collect_dropped", "Records not written.", labels=["reason"])
        for reason in _REASONS:
            dropped.add_metric([reason], self._writer.dropped[reason])
        yield written
        yield dropped
        yield GaugeMetricFamily("plimsoll_collect_buffer_bytes", "Records to be written.", self._collection.held_bytes)
