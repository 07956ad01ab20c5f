"""Which other shapes of the server are worth a try: more workers, more threads, smaller batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from plimsoll.profiling.advice.configuration import Shape
from plimsoll.profiling.findings import Findings

_FREE_SHARE = 0.8
# Below this share of its time on a CPU, a call mostly waits for something else.
_WAITS_BELOW = 0.5
_MOST_THREADS = 32
_MOST_WORKERS = 256


def shapes_to_try(findings: Findings) -> Iterator[Shape]:
    """The most promising first. Nothing that the user has set is varied."""
    options, threads = findings.options, thread_count(findings)
    tries = []
    if options.search_threads and threads > options.threads:
        tries.append(dataclasses.replace(options.shape, threads=threads))
    if options.search_workers:
        more = [dataclasses.replace(options.shape, workers=count) for count in worker_counts(findings)]
        # A call that waits is served best by threads, one that computes by processes.
        tries = [*tries, *more] if _busy_share(findings) < _WAITS_BELOW else [*more, *tries]
    size = batch_size(findings)
    if size is not None and size < (findings.capacity.max_batch_size() or 0):
        tries.insert(0, dataclasses.replace(options.shape, max_batch_size=size))
    yield from tries


def worker_counts(findings: Findings) -> Iterator[int]:
    """Two, and one for each CPU, where the memory is there for them."""
    cpus = len(findings.server_cpus())
    for workers in sorted({min(2, cpus), min(cpus, _MOST_WORKERS)} - {findings.options.workers}):
        if _bytes_for(findings, workers) <= _FREE_SHARE * _memory_allowed(findings):
            yield workers


def thread_count(findings: Findings) -> int:
    """So many calls in one worker keep all CPUs busy; 0 where threads cannot be tried.

    Whether run() may be called by several threads at once cannot be seen from outside, only that it gives the same
    answers: so it must give the same answer to the same row to begin with, and batches have no use for threads.
    """
    levels = findings.capacity.levels
    if findings.capacity.max_batch_size() or not levels or any(level.differing for level in levels):
        return 0
    share, cpus = _busy_share(findings), len(findings.server_cpus())
    if share >= _WAITS_BELOW:
        return cpus
    return min(_MOST_THREADS, round(cpus / share)) if share > 0 else _MOST_THREADS


def batch_size(findings: Findings) -> int | None:
    """As the fit over the levels says; None where run() takes single calls, or the size is given or not to be seen."""
    options = findings.options
    return findings.capacity.best_batch_size(options.slo) if options.search_batches else None


def _busy_share(findings: Findings) -> float:
    """CPU time of a call alone over its latency."""
    rows = findings.census.succeeded()
    latency_s = sum(row.answer.latency_s for row in rows)
    return sum(row.cpu_s for row in rows) / latency_s if latency_s else 1.0


def _bytes_for(findings: Findings, workers: int) -> int:
    if findings.startup is None:
        return 0
    memory = findings.startup.memory
    return memory.total.peak_bytes + (workers - findings.options.workers) * memory.worker_bytes()


def _memory_allowed(findings: Findings) -> float:
    host, allowed_gb = findings.host, findings.options.max_memory_gb
    limits = [float(host.memory_total_bytes), host.memory_limit_bytes, allowed_gb and allowed_gb * 1e9]
    return min(limit for limit in limits if limit)
