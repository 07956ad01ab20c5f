"""The front's Prometheus metrics. Names follow the Prometheus conventions; no label is unbounded."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as RestartCounter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from plimsoll.host import procfs

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class Tally(Collector):
    """A histogram that only the event loop touches.

    prometheus_client's own takes a lock per bucket; with four observations a request that was a tenth of
    the front's CPU for an echo. This one adds a number to a list; the library still writes the exposition.
    """

    def __init__(self, name: str, text: str, bounds: tuple[float, ...] = _SECONDS) -> None:
        self._name = name
        self._text = text
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterable[Metric]:
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(self._counts), strict=True))
        yield HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=self._sum)


class Outcomes(Collector):
    """Requests by route, outcome and status; the route is a template of ours, never what a client wrote."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def add(self, outcome: str, status: int, route: str = "/score") -> None:
        self._counts[route, outcome, status] += 1

    def collect(self) -> Iterable[Metric]:
        labels = ["route", "outcome", "status"]
        family = CounterMetricFamily("plimsoll_requests", "Requests by route, outcome and status.", labels=labels)
        for (route, outcome, status), count in self._counts.items():
            family.add_metric([route, outcome, str(status)], count)
        yield family


class Metrics:
    """Counts what the front does; `Machine` adds what it can only see when asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Outcomes()
        self.queue_wait = Tally("plimsoll_queue_wait_seconds", "From acceptance of a call to its start.")
        self.run_time = Tally("plimsoll_run_seconds", "Time inside the script's run().")
        self.request_time = Tally("plimsoll_request_seconds", "From the request head to the last byte sent.")
        self._batches = Tally("plimsoll_batch_size", "Calls handed to run() as one batch.", _SIZES)
        self._batch_time = Tally("plimsoll_batch_seconds", "Time inside run() for one batch.")
        tallies = (self.queue_wait, self.run_time, self.request_time, self._batches, self._batch_time)
        for collector in (self.requests, *tallies):
            self.registry.register(collector)
        self._restarts = RestartCounter(
            "plimsoll_worker_restarts", "Model workers replaced, by reason.", ("reason",), registry=self.registry
        )

    def on_restart(self, reason: str) -> None:
        self._restarts.labels(reason).inc()

    def on_batch(self, size: int) -> None:
        self._batches.observe(size)

    def on_batch_run(self, run_s: float) -> None:
        self._batch_time.observe(run_s)


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
            usage = procfs.read_usage(pid)
            if usage is not None:
                cpu.add_metric([name], usage.cpu_s)
                resident.add_metric([name], usage.resident_bytes)
                threads.add_metric([name], usage.threads)
        yield from (cpu, resident, threads)
