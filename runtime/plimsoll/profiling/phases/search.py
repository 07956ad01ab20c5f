"""Phase: would another shape of the server be cheaper? A few more servers answer it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.profiling.advice.configuration import Configuration, price_cores
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer
from plimsoll.profiling.answer.decision import answer_at, decide, memory_at
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import decide_gpu
from plimsoll.profiling.measure.server import ServerUnderTest
from plimsoll.profiling.phases.candidate import RunnerUp, Size
from plimsoll.profiling.phases.cpu_sweep import measure_size
from plimsoll.profiling.phases.open_loop import run_rate, slo_met
from plimsoll.profiling.session import Session

_FREE_SHARE = 0.8
# Below this share of its time on a CPU, a call mostly waits for something else.
_WAITS_BELOW = 0.5
_MOST_THREADS = 32
_MOST_WORKERS = 256
# Less is no reason for more processes; threads are a risk that has to pay.
_WORTH_CHANGING, _WORTH_THREADS = 0.95, 0.9
# Smaller batches mean shorter waits: they need not be cheaper.
_AS_CHEAP = 1.05
_SHORTEST_TRY_S = 6.0
# A queue over so short a time grows by chance.
_LONG_ENOUGH_S = 3.0


def configurations_to_try(findings: Findings) -> Iterator[Configuration]:
    """The most promising first. Nothing that the user has set is varied."""
    options, threads = findings.options, thread_count(findings)
    tries = []
    if options.search_threads and threads > options.threads:
        tries.append(dataclasses.replace(options.configuration, threads=threads))
    if options.search_workers:
        more = [dataclasses.replace(options.configuration, workers=count) for count in worker_counts(findings)]
        # A call that waits is served best by threads, one that computes by processes.
        tries = [*tries, *more] if _busy_share(findings) < _WAITS_BELOW else [*more, *tries]
    size = batch_size(findings)
    if size is not None and size < (findings.capacity.max_batch_size() or 0):
        tries.insert(0, dataclasses.replace(options.configuration, max_batch_size=size))
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


@dataclass(frozen=True, slots=True)
class Offer:
    """One shape and what it would take; `size` is None for the one that was profiled. `gpus` are those in use."""

    configuration: Configuration
    size: Size | None
    cpu: CpuAnswer
    memory: MemoryAnswer
    gpus: int = 0

    def price(self) -> float:
        """In cores, for all replicas of the target rate, else for one request per second."""
        one = price_cores(self.cpu.request_cores, self.memory.request_bytes, self.gpus)
        return one * self.cpu.replicas if self.cpu.replicas else one / self.cpu.carries_rps


def search(session: Session) -> None:
    """Fills in the chosen size and the runner-up; needs the first server gone and a recommendation for it."""
    findings, plan = session.findings, session.findings.plan
    if plan is None or not plan.search_s or findings.lost() or findings.cpu is None or findings.memory is None:
        return
    gpus = _gpus(findings)
    offers = [Offer(findings.options.configuration, None, findings.cpu, findings.memory, gpus)]
    configurations = list(itertools.islice(configurations_to_try(findings), plan.tries(_SHORTEST_TRY_S)))
    for configuration in configurations:
        offer = _try(session, configuration, plan.try_s(len(configurations)), gpus)
        offers += [offer] if offer and _holds(findings, offer) else []
    best = choose(offers)
    findings.choose(best.size)
    findings.runner_up = _runner_up(best, offers)
    decide(findings)


def _gpus(findings: Findings) -> int:
    answer = decide_gpu(findings).answer
    return answer.count if answer else 0


def _try(session: Session, configuration: Configuration, budget_s: float, gpus: int) -> Offer | None:
    findings, knee = session.findings, session.findings.capacity.knee()
    if knee is None:
        return None
    connections = max(configuration.slots, knee.connections if configuration.max_batch_size else 0)
    expected_rps = knee.throughput_rps * min(configuration.workers / findings.options.workers, 1.0)
    with session.server(prefix=f"{configuration}: ", configuration=configuration) as server:
        size = measure_size(session, server, sorted({1, connections, 2 * connections}), expected_rps, budget_s)
        size = _once_more(server, size)
    cpu = answer_at(findings, size.capacity, configuration)
    return Offer(configuration, size, cpu, memory_at(findings, size), gpus) if cpu else None


def _once_more(server: ServerUnderTest, size: Size) -> Size:
    level = size.level
    if not level.queue_grows or level.seconds >= _LONG_ENOUGH_S:
        return size
    return size.with_level(run_rate(server, level.rate_rps, _LONG_ENOUGH_S))


def _holds(findings: Findings, offer: Offer) -> bool:
    """What cannot keep its own rate, fails requests or answers otherwise than the first server is no offer."""
    if offer.size is None:
        return True
    level, levels = offer.size.level, offer.size.capacity.levels
    if offer.configuration.threads > findings.options.threads and not _same_answers(
        findings, offer.configuration, offer.size
    ):
        return False
    unexpected = level.unexpected_failures + sum(one.unexpected_failures for one in levels)
    return not unexpected and not level.queue_grows and slo_met(level, findings.options.slo) is not False


def _same_answers(findings: Findings, configuration: Configuration, size: Size) -> bool:
    loads = [window.answer for level in size.capacity.levels for window in level.windows] + [size.level.answer.load]
    differing, successes = sum(load.differing for load in loads), sum(load.successes for load in loads)
    if differing:
        findings.warnings.append(
            f"with {configuration.threads} threads {differing} of {successes} answers were not those that the same rows"
            " got with one thread: run() is not safe for threads, which are left out"
        )
    return not differing


def choose(offers: list[Offer]) -> Offer:
    """The cheapest; what was profiled stays unless another is cheaper by enough to change."""
    best = offers[0]
    for offer in offers[1:]:
        if offer.price() < _worth(offer, best) * best.price():
            best = offer
    return best


def _worth(offer: Offer, best: Offer) -> float:
    if offer.configuration.threads > best.configuration.threads:
        return _WORTH_THREADS
    smaller = offer.configuration.max_batch_size is not None and best.configuration.max_batch_size is None
    return _AS_CHEAP if smaller else _WORTH_CHANGING


def _runner_up(best: Offer, offers: list[Offer]) -> RunnerUp | None:
    second = min((offer for offer in offers if offer is not best), key=Offer.price, default=None)
    if second is None:
        return None
    return RunnerUp(
        configuration=second.configuration,
        request_cores=second.cpu.request_cores,
        memory_bytes=second.memory.request_bytes,
        carries_rps=second.cpu.carries_rps,
        replicas=second.cpu.replicas,
        price_ratio=second.price() / best.price(),
    )
