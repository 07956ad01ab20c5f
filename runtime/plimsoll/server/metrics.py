"""The front's Prometheus metrics. Names follow the Prometheus conventions; no label is unbounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import psutil
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts what the front does; `Machine` adds what it can only see when asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "plimsoll_requests",
            "Requests to /score by outcome.",
            ("outcome", "status"),
            registry=self.registry,
        )
        self.queue_wait = self._histogram("plimsoll_queue_wait_seconds", "From acceptance of a call to its start.")
        self.run_time = self._histogram("plimsoll_run_seconds", "Time inside the script's run().")
        self.request_time = self._histogram("plimsoll_request_seconds", "From the request head to the last byte sent.")
        self._restarts = Counter(
            "plimsoll_worker_restarts", "Model workers replaced, by reason.", ("reason",), registry=self.registry
        )
        self.requests = lru_cache(maxsize=128)(self._requests.labels)

    def count(self, outcome: str, status: int) -> None:
        self.requests(outcome, status).inc()

    def count_restart(self, reason: str) -> None:
        self._restarts.labels(reason).inc()

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, buckets=_SECONDS, registry=self.registry)


class Machine(Collector):
    """What is read at scrape time: the queue, the workers' states, each process's CPU and memory."""

    def __init__(
        self,
        processes: Callable[[], dict[str, int]],
        states: Callable[[], dict[str, int]],
        gauges: dict[str, tuple[str, Callable[[], float]]],
    ) -> None:
        self._processes = processes
        self._states = states
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, (text, value) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value=value())
        workers = GaugeMetricFamily("plimsoll_workers", "Model workers by state.", labels=["state"])
        for state, count in self._states().items():
            workers.add_metric([state], count)
        yield workers
        yield from self._usage()

    def _usage(self) -> Iterable[Metric]:
        cpu = CounterMetricFamily("plimsoll_process_cpu_seconds", "User and system CPU time.", labels=["process"])
        resident = GaugeMetricFamily(
            "plimsoll_process_resident_memory_bytes", "Resident memory, shared pages included.", labels=["process"]
        )
        threads = GaugeMetricFamily("plimsoll_process_threads", "Threads.", labels=["process"])
        for name, pid in self._processes().items():
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    times = process.cpu_times()
                    cpu.add_metric([name], times.user + times.system)
                    resident.add_metric([name], process.memory_info().rss)
                    threads.add_metric([name], process.num_threads())
            except psutil.NoSuchProcess:
                continue
        yield from (cpu, resident, threads)
