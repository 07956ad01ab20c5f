"""The load line as metrics: what a profile found that this server carries, so that it stands beside what it does carry.

Read from the tag beside the model (`plimsoll --profile … --tag-model`), once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from plimsoll.errors import UsageError
from plimsoll.settings.model_tag import ModelTag, read_tag
from plimsoll.settings.serving import ServeSettings


class LoadLine(Collector):
    def __init__(self, tag: ModelTag) -> None:
        self._tag = tag

    def collect(self) -> Iterable[Metric]:
        tag = self._tag
        source = {"profile": tag.profile_name, "profiled": tag.profiled_time, "grade": tag.grade}
        yield InfoMetricFamily("plimsoll_load_line", "The profile that the load line comes from.", value=source)
        # With a target rate cores and memory are for less than the most; an earlier tag knows only that.
        rate_rps = tag.requests_per_second or tag.max_requests_per_second
        if rate_rps is not None:
            text = "Requests per second that this server was proved to carry in these cores, as profiled."
            yield GaugeMetricFamily("plimsoll_load_line_requests_per_second", text, rate_rps)
        text = "Cores that keep the rate on a full node, as profiled."
        yield GaugeMetricFamily("plimsoll_load_line_request_cores", text, tag.requested_cpu)
        yield GaugeMetricFamily(
            "plimsoll_load_line_limit_cores", "Cores that keep the latency, as profiled.", tag.cpu_limit
        )
        text = "Memory that the server needs, as profiled."
        yield GaugeMetricFamily("plimsoll_load_line_memory_bytes", text, tag.requested_memory_bytes)


def load_line_of(settings: ServeSettings) -> LoadLine | None:
    """None without a tag, and where the server runs in another configuration than was profiled: its line is unknown."""
    tag = None
    with contextlib.suppress(UsageError):  # a broken tag is reported where the settings are read from it
        tag = read_tag(Path(settings.model_dir)) if settings.model_dir else None
    if tag is None or (tag.workers, tag.threads) != (settings.workers, settings.threads):
        return None
    as_profiled = tag.max_batch_size in (None, settings.max_batch_size)
    return LoadLine(tag) if as_profiled else None
