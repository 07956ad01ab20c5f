"""What the server says of itself at `/metrics`: its batches, its limit on connections, its allocators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from plimsoll.profiling.advice.batching import BatchUse
from plimsoll.profiling.advice.stalls import Clocks

MOST_CONNECTIONS = 896
"""No level asks for more, whatever the limits are: seven eighths of the 1,024 that the server lets in by itself."""
# Connections of the level before are closed while those of the next are made, and others ask for /metrics.
_SERVER_SHARE = 7 / 8
_CONNECTIONS_LIMIT = "plimsoll_connections_limit"
_ALLOCATOR_PEAK = "plimsoll_gpu_allocator_peak_bytes"
_CLOCKS = {
    "run": "plimsoll_run_seconds_bucket",
    "request": "plimsoll_request_seconds_bucket",
    "loop": "plimsoll_event_loop_lag_seconds_bucket",
}


@dataclass(frozen=True, slots=True)
class ConnectionBudget:
    """How many connections the load driver and the server can hold.

    The driver inherits the limit on open files (`ulimit -n`) of the shell that starts the profiler and raises its own.
    The server counts its descriptors at its start and says how many connections it lets in; beyond that it answers
    503, which would be measured as if the model had failed.
    """

    driver: int
    server: int = MOST_CONNECTIONS

    @property
    def most(self) -> int:
        return min(self.driver, self.server, MOST_CONNECTIONS)

    @property
    def bounds(self) -> bool:
        return self.most < MOST_CONNECTIONS

    def sentence(self) -> str:
        return (
            f"the limit on open files (ulimit -n) or --max-connections allows {self.most} connections to the server;"
            " beyond that requests wait in the load driver. `ulimit -n 4096` before the start allows more (over the"
            " hard limit only as root, in containers --ulimit nofile=4096)"
        )


def budget_connections(driver: int, metrics: str) -> ConnectionBudget:
    """`driver` as the driver says, the server's part from its `metrics`; one that says nothing bounds nothing."""
    limit = next((sample.value for sample in _samples(metrics) if sample.name == _CONNECTIONS_LIMIT), None)
    return ConnectionBudget(driver) if limit is None else ConnectionBudget(driver, max(1, int(limit * _SERVER_SHARE)))


def read_batches(metrics: str) -> BatchUse | None:
    """None where run() takes single calls."""
    values = {sample.name: sample.value for sample in _samples(metrics)}
    max_size = int(values.get("plimsoll_max_batch_size", 0))
    if not max_size:
        return None
    names = ("batch_size_count", "batch_size_sum", "batch_seconds_count", "batch_seconds_sum")
    return BatchUse(max_size, *(values.get(f"plimsoll_{name}", 0.0) for name in names))


def read_clocks(metrics: str) -> Clocks | None:
    """What the front has timed so far; None where the metrics could not be had."""
    counts: dict[str, dict[float, float]] = {name: {} for name in _CLOCKS.values()}
    for sample in _samples(metrics):
        if sample.name in counts:
            counts[sample.name][float(sample.labels["le"])] = sample.value
    times = {name: _longer(counts[sample]) for name, sample in _CLOCKS.items()}
    return Clocks(**times) if all(times.values()) else None


def _longer(up_to: dict[float, float]) -> dict[float, float]:
    """Buckets count what was as short as their bound: turned round, how many were longer."""
    everything = max(up_to.values(), default=0.0)
    return {bound: everything - count for bound, count in up_to.items()}


def allocator_peaks_bytes(metrics: str) -> list[int]:
    """One for each worker whose framework counts what it has handed out, and has used a GPU."""
    return [int(sample.value) for sample in _samples(metrics) if sample.name == _ALLOCATOR_PEAK]


def _samples(metrics: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(metrics):
        yield from family.samples
