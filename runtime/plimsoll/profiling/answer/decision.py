"""The decision, made once, after the phases: which configuration, how many cores, how much memory.

Without load there is no answer for CPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plimsoll.profiling.advice.configuration import Configuration, price_cores
from plimsoll.profiling.advice.cpu import CpuAnswer, plain_rate
from plimsoll.profiling.advice.memory import MemoryAnswer, recommend_memory
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict, gpu_environment, gpus_in_use
from plimsoll.profiling.load.tally import is_success
from plimsoll.profiling.phases.candidate import Candidate, cpu_answer
from plimsoll.profiling.phases.cpu_sweep import choose_cpus
from plimsoll.profiling.phases.open_loop import RateLevel, slo_met
from plimsoll.profiling.result.profile import RunnerUpResult

# Less is no reason for more processes; threads are a risk that has to pay.
_WORTH_CHANGING, _WORTH_THREADS = 0.95, 0.9
# Smaller batches mean shorter waits: they need not be cheaper.
_AS_CHEAP = 1.05


@dataclass(frozen=True, slots=True)
class Decision:
    """`chosen` is the server that it rests on, None for the first one; `operating` the rate it is meant to carry."""

    recommended: Recommended
    chosen: Candidate | None = None
    operating: RateLevel | None = None
    runner_up: RunnerUpResult | None = None
    warnings: tuple[str, ...] = ()

    def after(self, findings: Findings) -> Decision:
        """With what the verification has changed."""
        found = findings.verification
        return self if found is None else dataclasses.replace(self, recommended=found.recommended)

    def on_gpus(self, findings: Findings, verdict: GpuVerdict) -> Decision:
        """With the share of a GPU that goes with this verdict."""
        workers = self.recommended.configuration.workers
        variables = gpu_environment(verdict, findings.gpu.growth, workers)
        return dataclasses.replace(self, recommended=dataclasses.replace(self.recommended, gpu_variables=variables))


def decide(findings: Findings) -> Decision:
    options, full = findings.options, len(findings.setup.server_cpus)
    swept = (*findings.sweep.candidates, *(findings.quota.candidates if findings.quota.complete else ()))
    chosen = choose_cpus(swept, findings.capacity, full, options.slo) if findings.sweep.complete else None
    first = _offer(findings, chosen)
    offers, warnings = _offers(findings, first) if first and findings.search.complete else ([], ())
    best = choose(offers) if offers else None
    chosen = (best.candidate if best else None) or chosen
    configuration = chosen.configuration if chosen else options.configuration
    growing = findings.growth.verdict == "growing"
    recommended = Recommended(
        configuration=configuration,
        cpu=_cpu(findings, chosen),
        memory=_memory(findings, chosen),
        elastic=findings.elastic(),
        leak_bytes=findings.growth.bytes_per_request if growing else None,
    )
    return Decision(
        recommended=recommended,
        chosen=chosen,
        operating=chosen.level if chosen else findings.open_loop.operating,
        runner_up=_runner_up(findings, best, offers) if best else None,
        warnings=tuple(warnings),
    )


def _cpu(findings: Findings, chosen: Candidate | None) -> CpuAnswer | None:
    options, slo_rps = findings.options, findings.open_loop.slo_rps
    if chosen is not None:
        slots = chosen.configuration.slots
        answer = cpu_answer(chosen.capacity, findings.census, options, slots, slo_rps)
        if answer is not None:
            return answer
    return cpu_answer(findings.capacity, findings.census, options, options.slots, slo_rps)


def _memory(findings: Findings, chosen: Candidate | None) -> MemoryAnswer | None:
    if findings.startup is None or findings.surroundings.memory_unknown:
        return None
    if chosen is not None and chosen.configuration != findings.options.configuration:
        return memory_of(findings, chosen)
    load_bytes, most_bytes = findings.startup.memory.total.peak_bytes, phase_peak_bytes(findings, chosen)
    return recommend_memory(load_bytes, most_bytes, heavy_bytes(findings), _growing_bytes(findings))


def memory_of(findings: Findings, one: Candidate) -> MemoryAnswer:
    """Of a server in another configuration."""
    ready = one.startup.memory.total
    heavy = ready.held_bytes + one.configuration.slots * max(findings.census.rises_bytes(), default=0)
    return recommend_memory(ready.peak_bytes, one.peak_bytes(), heavy, _growing_bytes(findings))


def _growing_bytes(findings: Findings) -> int | None:
    growing = findings.growth.verdict == "growing"
    return findings.startup.memory.worker_bytes() if growing and findings.startup else None


def phase_peak_bytes(findings: Findings, chosen: Candidate | None) -> int:
    """The highest peak of any phase after the start."""
    memories = [level.memory for level in findings.capacity.levels]
    memories += [level.memory for level in findings.rate_levels(chosen)]
    if findings.census.memory is not None:
        memories.insert(0, findings.census.memory)
    if findings.growth.verdict == "growing":
        # What leaked during the measurement is no need; what will leak is in the allowance.
        memories = memories[:1]
    return max((memory.total.peak_bytes for memory in memories), default=0)


def heavy_bytes(findings: Findings) -> int | None:
    """Memory with the heaviest row on every slot at once: at rest after the census, plus slots times its rise."""
    rises = findings.census.rises_bytes()
    if findings.census.memory is None or not rises:
        return None
    return findings.census.memory.total.held_bytes + findings.options.slots * max(rises)


@dataclass(frozen=True, slots=True)
class Offer:
    """One configuration and what it would take; `candidate` None: as first measured. `gpus` are those in use."""

    configuration: Configuration
    candidate: Candidate | None
    cpu: CpuAnswer
    memory: MemoryAnswer
    gpus: int = 0

    def price(self) -> float:
        """In cores, for all replicas of the target rate, else for one request per second."""
        one = price_cores(self.cpu.cores.request_cores, self.memory.size.request_bytes, self.gpus)
        return one * self.cpu.replicas if self.cpu.replicas else one / self.cpu.carries_rps


def _offer(findings: Findings, chosen: Candidate | None) -> Offer | None:
    """What was profiled."""
    cpu, memory = _cpu(findings, chosen), _memory(findings, chosen)
    if cpu is None or memory is None:
        return None
    configuration = findings.options.configuration
    return Offer(configuration, None, cpu, memory, gpus_in_use(findings.gpu, configuration))


def _offers(findings: Findings, first: Offer) -> tuple[list[Offer], list[str]]:
    """The first is what was profiled; then the candidates that hold. Warnings say why others do not."""
    offers, warnings = [first], []
    for one in findings.search.candidates:
        slots = one.configuration.slots
        cpu = cpu_answer(one.capacity, findings.census, findings.options, slots, findings.open_loop.slo_rps)
        if cpu is None:
            continue
        if one.configuration.threads > findings.options.threads and (why_not := differing_answers(one)):
            warnings.append(why_not)
        elif holds(findings, one):
            offers.append(Offer(one.configuration, one, cpu, memory_of(findings, one), first.gpus))
    return offers, warnings


def holds(findings: Findings, one: Candidate) -> bool:
    """What cannot keep its own rate or fails requests is no offer."""
    unexpected = one.level.unexpected_failures + sum(level.unexpected_failures for level in one.capacity.levels)
    return not unexpected and not one.level.queue_grows and slo_met(one.level, findings.options.slo) is not False


def differing_answers(one: Candidate) -> str:
    """A sentence where it answers otherwise than the first server."""
    loads = [window.answer for level in one.capacity.levels for window in level.windows] + [one.level.answer.load]
    differing, successes = sum(load.differing for load in loads), sum(load.successes for load in loads)
    if not differing:
        return ""
    return (
        f"with {one.configuration.threads} threads {differing} of {successes} answers were not those that the same rows"
        " got with one thread: run() is not safe for threads, which are left out"
    )


def choose(offers: Sequence[Offer]) -> Offer:
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


def _runner_up(findings: Findings, best: Offer, offers: Sequence[Offer]) -> RunnerUpResult | None:
    second = min((offer for offer in offers if offer is not best), key=Offer.price, default=None)
    if second is None:
        return None
    cpu, memory, price_ratio = second.cpu, second.memory, second.price() / best.price()
    needs = f"{cpu.cores.request_cores:g} cores and {memory.size.request_bytes / 1e9:.2f} GB"
    script_limit = second.configuration.max_batch_size or findings.capacity.max_batch_size()
    layout = dataclasses.replace(second.configuration, max_batch_size=script_limit)
    return RunnerUpResult.of(
        second.configuration,
        request_cores=cpu.cores.request_cores,
        memory_bytes=memory.size.request_bytes,
        max_requests_per_second=cpu.carries_rps,
        replicas=cpu.replicas,
        price_ratio=price_ratio,
        reason=(
            f"{layout} would take {needs} for {plain_rate(cpu.carries_rps)} requests/s: "
            f"{price_ratio:.2f} times the price."
        ),
    )


def warnings_of_bounds(findings: Findings, decision: Decision) -> Iterator[str]:
    """What the recommendation does not keep, or was kept from."""
    options, memory = findings.options, decision.recommended.memory
    if findings.open_loop.slo_rps == 0:
        yield f"{options.slo} was not shown at any rate that was tried: the recommendation does not keep it"
    yield from _warnings_of_connections(findings, decision)
    yield from _warnings_of_failures(decision.operating)
    allowed_gb = options.max_memory_gb
    if allowed_gb is not None and memory is not None and memory.size.request_bytes > allowed_gb * 1e9:
        needs_gb = memory.size.request_bytes / 1e9
        yield f"the model needs {needs_gb:.2f} GB of memory, more than the {allowed_gb:g} GB allowed"


def _warnings_of_connections(findings: Findings, decision: Decision) -> Iterator[str]:
    """Only where more connections would have been used; a queue that grows anyway has no use for them."""
    budget, levels = findings.surroundings.connections, findings.rate_levels(decision.chosen)
    waited = sum(level.answer.waited for level in levels if not level.queue_grows)
    if budget is None or not budget.bounds:
        return
    if findings.capacity.bounded:
        yield f"throughput was still rising with all connections in use: {budget.sentence()}"
    if waited:
        yield f"in the open loop {waited} requests waited for a connection: {budget.sentence()}"


def _warnings_of_failures(level: RateLevel | None) -> Iterator[str]:
    """A rate at which requests fail is not one that a replica carries."""
    if level is not None and level.latency.withheld:
        requests, counts = level.answer.load.requests, level.answer.load.outcomes.items()
        failed = ", ".join(f"{outcome}: {count}" for outcome, count in counts if not is_success(outcome))
        yield (
            f"at {plain_rate(level.rate_rps)} requests/s {level.unexpected_failures} of {requests} requests failed"
            f" ({failed}): no latency is stated, as that of the others would mislead"
        )
