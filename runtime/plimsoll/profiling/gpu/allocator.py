"""What the frameworks' own allocators counted in the model workers, as the server's metrics tell it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

_METRIC = "plimsoll_gpu_allocator_peak_bytes"


def allocator_peaks_bytes(metrics: str) -> list[int]:
    """One for each worker whose framework counts and has used a GPU."""
    return [
        int(sample.value)
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == _METRIC
    ]
