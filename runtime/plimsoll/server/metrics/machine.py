"""What is read at scrape time, as Prometheus metrics: the queue, the workers' states, each process's CPU and memory."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from plimsoll.host import procfs
from plimsoll.host.cpus import describe_host
from plimsoll.server.http.connections import Connections
from plimsoll.workers.supervisor import Supervisor
from plimsoll.workers.threads import OWN as THREADS_VARIABLE


class Machine(Collector):
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
        threads = GaugeMetricFamily("plimsoll_process_threads", "Number of threads.", labels=["process"])
        for name, pid in self._processes().items():
            if (usage := procfs.read_usage(pid)) is not None:
                cpu.add_metric([name], usage.cpu_s)
                resident.add_metric([name], usage.resident_bytes)
                threads.add_metric([name], usage.threads)
        yield from (cpu, resident, threads)


def machine(supervisor: Supervisor, connections: Connections) -> Machine:
    def processes() -> dict[str, int]:
        found = {"master": os.getppid(), "front": os.getpid()}
        return found | {f"worker-{worker.index}": worker.pid for worker in supervisor.workers}

    def states() -> dict[str, int]:
        return Counter(worker.state.value for worker in supervisor.workers)

    dispatcher = supervisor.dispatcher
    gauges: dict[str, tuple[str, Callable[[], float]]] = {
        "plimsoll_queue_length": ("Calls waiting for a slot.", lambda: float(dispatcher.queue_length)),
        "plimsoll_requests_in_flight": (
            "Calls that have been handed to slots and are not answered yet.",
            lambda: float(dispatcher.running),
        ),
        "plimsoll_max_batch_size": (
            "Largest batch that is passed to run(); 0 if run() takes single calls.",
            lambda: float(dispatcher.batch.max_size if dispatcher.batch else 0),
        ),
        "plimsoll_connections_limit": (
            "Connections that may be open at a time; further ones get 503.",
            lambda: float(connections.limits.max_connections),
        ),
        "plimsoll_connections": ("Open connections.", lambda: float(len(connections))),
        "plimsoll_body_memory_bytes": (
            "Memory in use for large request bodies that are not yet answered.",
            lambda: float(supervisor.bodies.used),
        ),
        "plimsoll_slots": ("Slots that can take calls.", lambda: float(sum(slot.open for slot in dispatcher.slots))),
    }
    return Machine(processes, states, gauges | _cpu_gauges(supervisor.spec.environment))


def _cpu_gauges(environment: Mapping[str, str]) -> dict[str, tuple[str, Callable[[], float]]]:
    cores = describe_host().usable_cores
    threads = environment.get(THREADS_VARIABLE, "")
    return {
        "plimsoll_usable_cores": ("Cores usable within the CPU limit and the affinity.", lambda: cores),
        "plimsoll_worker_cpu_threads": (
            "Threads that the numerical libraries of each worker are set to use.",
            lambda: float(threads) if threads.isdigit() else 0.0,
        ),
    }
