"""Phase: other configurations of the server, as many as there is time for. Which is the best is decided afterwards."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.measure.server import ServerUnderTest
from plimsoll.profiling.phases.candidate import (
    Candidate,
    Candidates,
    FirstServer,
    cpu_answer,
    gathered,
    measure_candidate,
)
from plimsoll.profiling.phases.open_loop import run_rate
from plimsoll.profiling.session import Session, Setup

_SHORTEST_TRY_S = 6.0
# A queue over so short a time grows by chance.
_LONG_ENOUGH_S = 3.0
_FREE_SHARE = 0.8
# Of the CPUs, server and driver together. From here on other processes could bring a quarter more at the very best.
_BUSY_SHARE = 0.8
# Below this share of its time on a CPU, a call mostly waits for something else.
_WAITS_BELOW = 0.5
_MOST_THREADS = 32
_MOST_WORKERS = 256


def search(session: Session, first: FirstServer) -> Iterator[Candidates]:
    """Needs the first server gone."""
    return gathered(_tries(session, first))


def _tries(session: Session, first: FirstServer) -> Iterator[Candidate]:
    plan = first.plan
    most = plan.tries(_SHORTEST_TRY_S) if plan.search_s else 0
    wanted = list(itertools.islice(configurations_to_try(session.setup, first), most))
    for configuration in wanted:
        yield _try(session, first, configuration, plan.try_s(len(wanted)))


def _try(session: Session, first: FirstServer, configuration: Configuration, budget_s: float) -> Candidate:
    knee = first.knee
    most = max(configuration.slots, knee.connections if configuration.max_batch_size else 0)
    expected_rps = knee.result.requests_per_second * min(configuration.workers / session.setup.options.workers, 1.0)
    with session.server(prefix=f"{configuration}: ", configuration=configuration) as server:
        connections = sorted({1, most, 2 * most})
        one = measure_candidate(session, server, first, connections, expected_rps, budget_s)
        return _once_more(server, one)


def _once_more(server: ServerUnderTest, one: Candidate) -> Candidate:
    level = one.level
    if not level.queue_grows or level.seconds >= _LONG_ENOUGH_S:
        return one
    return one.with_level(run_rate(server, level.rate_rps, _LONG_ENOUGH_S))


def configurations_to_try(setup: Setup, first: FirstServer) -> Iterator[Configuration]:
    """The most promising first. Nothing that the user has set is varied.

    A server that carries the target rate by itself needs no more processes or threads, nor does one that keeps the CPUs
    busy: others could only be cheaper by being smaller, or by other batches.
    """
    options, threads = setup.options, thread_count(setup, first)
    tries = []
    if options.search_threads and threads > options.threads:
        tries.append(dataclasses.replace(options.configuration, threads=threads))
    if options.search_workers:
        more = [dataclasses.replace(options.configuration, workers=count) for count in worker_counts(setup, first)]
        # A call that waits is served best by threads, one that computes by processes.
        tries = [*tries, *more] if _busy_share(first) < _WAITS_BELOW else [*more, *tries]
    fit = first.capacity.batch_fit(options.slo) if options.search_batches else None
    if fit is not None and fit.best_size < fit.largest_size:
        tries.insert(0, dataclasses.replace(options.configuration, max_batch_size=fit.best_size))
    enough = _carries_target(setup, first) or _keeps_cpus_busy(setup, first)
    yield from (one for one in tries if not enough or one.max_batch_size or one.slots < options.slots)


def _keeps_cpus_busy(setup: Setup, first: FirstServer) -> bool:
    used = first.knee.result
    driver_cores = 0.0 if setup.placement.driver else used.driver_cores
    return used.cores_used.mean + driver_cores >= _BUSY_SHARE * setup.server_cores


def _carries_target(setup: Setup, first: FirstServer) -> bool:
    options = setup.options
    if options.target_rps is None or (options.slo is not None and not first.slo_rps):
        return False
    answer = cpu_answer(first.capacity, first.census, options, options.slots, first.slo_rps)
    return answer is not None and answer.carries_target


def worker_counts(setup: Setup, first: FirstServer) -> Iterator[int]:
    """One, two, and one for each CPU, where the memory is there for them: one may be enough where a tag says more."""
    cpus = len(setup.server_cpus)
    for workers in sorted({1, min(2, cpus), min(cpus, _MOST_WORKERS)} - {setup.options.workers}):
        more_bytes = (workers - setup.options.workers) * first.startup.memory.worker_bytes()
        if first.startup.memory.total.peak_bytes + more_bytes <= _FREE_SHARE * _memory_allowed(setup):
            yield workers


def thread_count(setup: Setup, first: FirstServer) -> int:
    """So many calls in one worker keep all CPUs busy; 0 where threads cannot be tried.

    Whether run() may be called by several threads at once cannot be seen from outside, only that it gives the same
    answers: so it must give the same answer to the same row to begin with, and batches have no use for threads.
    """
    levels = first.capacity.levels
    if first.capacity.max_batch_size() or not levels or any(level.window.answer.differing for level in levels):
        return 0
    share, cpus = _busy_share(first), len(setup.server_cpus)
    if share >= _WAITS_BELOW:
        return cpus
    return min(_MOST_THREADS, round(cpus / share)) if share > 0 else _MOST_THREADS


def _busy_share(first: FirstServer) -> float:
    """CPU time of a call alone over its latency."""
    return first.census.cores() if any(row.answer.latency_s for row in first.census.succeeded()) else 1.0


def _memory_allowed(setup: Setup) -> float:
    host, allowed_gb = setup.host, setup.options.max_memory_gb
    limits = [float(host.memory_total_bytes), host.memory_limit_bytes, allowed_gb and allowed_gb * 1e9]
    return min(limit for limit in limits if limit)
