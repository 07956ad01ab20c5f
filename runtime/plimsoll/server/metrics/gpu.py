"""The GPUs as Prometheus metrics: what `GpuHealth` has read for this scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from plimsoll.host.gpu.nvml import THROTTLING, Gpu, GpuReading
from plimsoll.server.gpu.health import GpuHealth

_LABELS = ["gpu", "uuid"]
_GAUGES: dict[str, tuple[str, Callable[[GpuReading], float | None]]] = {
    "plimsoll_gpu_memory_used_bytes": ("GPU memory in use, by any process.", lambda reading: reading.used_bytes),
    "plimsoll_gpu_utilization_ratio": (
        "Share of time in which at least one kernel was running.",
        lambda reading: reading.utilisation,
    ),
    "plimsoll_gpu_power_watts": ("Current power draw.", lambda reading: reading.power_w),
    "plimsoll_gpu_temperature_celsius": ("Temperature of the GPU.", lambda reading: reading.temperature_c),
    "plimsoll_gpu_lost": ("1 once the driver has lost the GPU.", lambda reading: float(reading.lost)),
}


class GpuMetrics(Collector):
    """Leaves out what the driver does not report: a value that is missing is not zero."""

    def __init__(self, health: GpuHealth) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        total = GaugeMetricFamily("plimsoll_gpu_memory_total_bytes", "Total memory of the GPU.", labels=_LABELS)
        for gpu in self._health.gpus:
            if gpu.total_bytes is not None:
                total.add_metric(_names(gpu), gpu.total_bytes)
        yield total
        for name, (text, value) in _GAUGES.items():
            family = GaugeMetricFamily(name, text, labels=_LABELS)
            for gpu, reading in self._read():
                if (number := value(reading)) is not None:
                    family.add_metric(_names(gpu), number)
            yield family
        yield self._energy()
        yield self._throttling()

    def _energy(self) -> Metric:
        text = "Energy used since the driver was loaded."
        family = CounterMetricFamily("plimsoll_gpu_energy_joules", text, labels=_LABELS)
        for gpu, reading in self._read():
            if reading.energy_j is not None:
                family.add_metric(_names(gpu), reading.energy_j)
        return family

    def _throttling(self) -> Metric:
        text = "1 while the clocks are throttled for this reason."
        family = GaugeMetricFamily("plimsoll_gpu_throttled", text, labels=[*_LABELS, "reason"])
        for gpu, reading in self._read():
            if reading.throttle_reasons is not None:
                for reason in THROTTLING.values():
                    family.add_metric([*_names(gpu), reason], float(reason in reading.throttle_reasons))
        return family

    def _read(self) -> Iterable[tuple[Gpu, GpuReading]]:
        readings = self._health.readings
        return ((gpu, readings[gpu.uuid]) for gpu in self._health.gpus if gpu.uuid in readings)


def _names(gpu: Gpu) -> list[str]:
    return [str(gpu.index), gpu.uuid]
