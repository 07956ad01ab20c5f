"""What the models' frameworks count of the GPU memory that they have taken, as a Prometheus metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from plimsoll.workers.process import WorkerProcess


class AllocatorMetrics(Collector):
    """Nothing for a worker whose framework counts nothing, or has not used a GPU."""

    def __init__(self, workers: Callable[[], Iterable[WorkerProcess]]) -> None:
        self._workers = workers

    def collect(self) -> Iterable[Metric]:
        text = "Peak GPU memory allocated by the worker's framework, without the CUDA context."
        family = GaugeMetricFamily("plimsoll_gpu_allocator_peak_bytes", text, labels=["worker"])
        for worker in self._workers():
            if worker.gpu_allocator_bytes is not None:
                family.add_metric([str(worker.index)], worker.gpu_allocator_bytes)
        yield family
