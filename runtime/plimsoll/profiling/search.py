"""Phase: would another number of workers be cheaper? One or two more servers answer it.

Threads are not searched: whether a script's run() may be called by several threads at once cannot be seen from
outside, and a wrong guess gives wrong answers. Nor are batch sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.profiling.decide import answer_at, decide, memory_at
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.recommendation import CpuAnswer, MemoryAnswer
from plimsoll.profiling.session import Session
from plimsoll.profiling.sizes import RunnerUp, Size
from plimsoll.profiling.sweep import measure_size

# Public price lists of three big clouds in 2025 ask for one core about as much as for 8 GB.
_GB_PER_CORE = 8.0
_FREE_SHARE = 0.8
# Less is no reason for more processes.
_WORTH_CHANGING = 0.95


@dataclass(frozen=True, slots=True)
class Offer:
    """One number of workers and what it would take; `size` is None for the one that was profiled."""

    workers: int
    size: Size | None
    cpu: CpuAnswer
    memory: MemoryAnswer

    def price(self) -> float:
        """In cores, for all replicas of the target rate, else for one request per second."""
        one = self.cpu.request_cores + self.memory.request_bytes / 1e9 / _GB_PER_CORE
        return one * self.cpu.replicas if self.cpu.replicas else one / self.cpu.carries_rps


def search(session: Session) -> None:
    """Fills in the chosen size and the runner-up; needs the first server gone and a recommendation for it."""
    findings, plan = session.findings, session.findings.plan
    if plan is None or not plan.search_s or findings.lost() or findings.cpu is None or findings.memory is None:
        return
    offers = [Offer(findings.options.workers, None, findings.cpu, findings.memory)]
    counts = list(worker_counts(findings))
    for workers in counts:
        offer = _try(session, workers, plan.search_s / len(counts))
        # What cannot keep its own rate is no offer.
        offers += [offer] if offer and offer.size and not offer.size.level.queue_grows else []
    best = choose(offers)
    findings.choose(best.size)
    findings.runner_up = _runner_up(best, offers)
    decide(findings)


def worker_counts(findings: Findings) -> Iterator[int]:
    """Two, and one for each CPU, where the memory is there for them."""
    cpus = len(findings.placement.server or findings.host.allowed_cpus)
    for workers in sorted({min(2, cpus), cpus} - {findings.options.workers}):
        if _bytes_for(findings, workers) <= _FREE_SHARE * _memory_allowed(findings):
            yield workers


def _bytes_for(findings: Findings, workers: int) -> int:
    if findings.startup is None:
        return 0
    memory = findings.startup.memory
    return memory.total.peak_bytes + (workers - findings.options.workers) * memory.worker_bytes()


def _memory_allowed(findings: Findings) -> float:
    host, allowed_gb = findings.host, findings.options.max_memory_gb
    limits = [float(host.memory_total_bytes), host.memory_limit_bytes, allowed_gb and allowed_gb * 1e9]
    return min(limit for limit in limits if limit)


def _try(session: Session, workers: int, budget_s: float) -> Offer | None:
    findings, knee = session.findings, session.findings.capacity.knee()
    if knee is None:
        return None
    slots = workers * findings.options.threads
    expected_rps = knee.throughput_rps * min(workers / findings.options.workers, 1.0)
    with session.server(prefix=f"{workers} worker(s): ", workers=workers) as bench:
        size = measure_size(session, bench, sorted({1, slots, 2 * slots}), expected_rps, budget_s)
    cpu = answer_at(findings, size.capacity, workers)
    return Offer(workers, size, cpu, memory_at(findings, size)) if cpu else None


def choose(offers: list[Offer]) -> Offer:
    """The cheapest; what was profiled stays unless another is 5 % cheaper."""
    best = offers[0]
    for offer in offers[1:]:
        if offer.price() < _WORTH_CHANGING * best.price():
            best = offer
    return best


def _runner_up(best: Offer, offers: list[Offer]) -> RunnerUp | None:
    second = min((offer for offer in offers if offer is not best), key=Offer.price, default=None)
    if second is None:
        return None
    return RunnerUp(
        workers=second.workers,
        request_cores=second.cpu.request_cores,
        memory_bytes=second.memory.request_bytes,
        carries_rps=second.cpu.carries_rps,
        replicas=second.cpu.replicas,
        price_ratio=second.price() / best.price(),
    )
