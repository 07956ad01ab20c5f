"""Phase: would another shape of the server be cheaper? A few more servers answer it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from plimsoll.profiling.advice.configuration import Shape
from plimsoll.profiling.advice.price import price_cores
from plimsoll.profiling.advice.recommendation import CpuAnswer, MemoryAnswer
from plimsoll.profiling.answer.decision import answer_at, decide, memory_at
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.decision import decide_gpu
from plimsoll.profiling.measure.server import Bench
from plimsoll.profiling.phases.cpu_sweep import measure_size
from plimsoll.profiling.phases.open_loop import run_rate
from plimsoll.profiling.phases.shapes import shapes_to_try
from plimsoll.profiling.phases.sizes import RunnerUp, Size
from plimsoll.profiling.phases.slo_search import slo_met
from plimsoll.profiling.session import Session

# Less is no reason for more processes; threads are a risk that has to pay.
_WORTH_CHANGING, _WORTH_THREADS = 0.95, 0.9
# Smaller batches mean shorter waits: they need not be cheaper.
_AS_CHEAP = 1.05
_SHORTEST_TRY_S = 6.0
# A queue over so short a time grows by chance.
_LONG_ENOUGH_S = 3.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One shape and what it would take; `size` is None for the one that was profiled. `gpus` are those in use."""

    shape: Shape
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
    offers = [Offer(findings.options.shape, None, findings.cpu, findings.memory, gpus)]
    shapes = list(itertools.islice(shapes_to_try(findings), plan.tries(_SHORTEST_TRY_S)))
    for shape in shapes:
        offer = _try(session, shape, plan.try_s(len(shapes)), gpus)
        offers += [offer] if offer and _holds(findings, offer) else []
    best = choose(offers)
    findings.choose(best.size)
    findings.runner_up = _runner_up(best, offers)
    decide(findings)


def _gpus(findings: Findings) -> int:
    answer = decide_gpu(findings).answer
    return answer.count if answer else 0


def _try(session: Session, shape: Shape, budget_s: float, gpus: int) -> Offer | None:
    findings, knee = session.findings, session.findings.capacity.knee()
    if knee is None:
        return None
    connections = max(shape.slots, knee.connections if shape.max_batch_size else 0)
    expected_rps = knee.throughput_rps * min(shape.workers / findings.options.workers, 1.0)
    with session.server(prefix=f"{shape}: ", shape=shape) as bench:
        size = measure_size(session, bench, sorted({1, connections, 2 * connections}), expected_rps, budget_s)
        size = _once_more(bench, size)
    cpu = answer_at(findings, size.capacity, shape)
    return Offer(shape, size, cpu, memory_at(findings, size), gpus) if cpu else None


def _once_more(bench: Bench, size: Size) -> Size:
    level = size.level
    if not level.queue_grows or level.seconds >= _LONG_ENOUGH_S:
        return size
    return size.with_level(run_rate(bench, level.rate_rps, _LONG_ENOUGH_S))


def _holds(findings: Findings, offer: Offer) -> bool:
    """What cannot keep its own rate, fails requests or answers otherwise than the first server is no offer."""
    if offer.size is None:
        return True
    level, levels = offer.size.level, offer.size.capacity.levels
    if offer.shape.threads > findings.options.threads and not _same_answers(findings, offer.shape, offer.size):
        return False
    unexpected = level.unexpected_failures + sum(one.unexpected_failures for one in levels)
    return not unexpected and not level.queue_grows and slo_met(level, findings.options.slo) is not False


def _same_answers(findings: Findings, shape: Shape, size: Size) -> bool:
    loads = [window.answer for level in size.capacity.levels for window in level.windows] + [size.level.answer.load]
    differing, successes = sum(load.differing for load in loads), sum(load.successes for load in loads)
    if differing:
        findings.warnings.append(
            f"with {shape.threads} threads {differing} of {successes} answers were not those that the same rows got"
            " with one thread: run() is not safe for threads, which are left out"
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
    if offer.shape.threads > best.shape.threads:
        return _WORTH_THREADS
    smaller = offer.shape.max_batch_size is not None and best.shape.max_batch_size is None
    return _AS_CHEAP if smaller else _WORTH_CHANGING


def _runner_up(best: Offer, offers: list[Offer]) -> RunnerUp | None:
    second = min((offer for offer in offers if offer is not best), key=Offer.price, default=None)
    if second is None:
        return None
    return RunnerUp(
        shape=second.shape,
        request_cores=second.cpu.request_cores,
        memory_bytes=second.memory.request_bytes,
        carries_rps=second.cpu.carries_rps,
        replicas=second.cpu.replicas,
        price_ratio=second.price() / best.price(),
    )
