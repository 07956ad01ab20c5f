"""The decision, made once, after the phases: which configuration, how many cores, how much memory.

Without load there is no answer for CPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plimsoll.profiling.advice.configuration import Configuration, counted, price_cores
from plimsoll.profiling.advice.cpu import CpuAnswer, plain_rate
from plimsoll.profiling.advice.memory import MemoryAnswer, recommend_memory
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict, gpu_environment, gpus_in_use
from plimsoll.profiling.load.requests import is_success
from plimsoll.profiling.phases.candidate import Candidate, cpu_answer
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.cpu_sweep import choose_cpus
from plimsoll.profiling.phases.open_loop import RateLevel, slo_met, turns_away
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
        """With what the operating point has shown, and what trials have changed."""
        found, operating = self, findings.operating
        if operating is not None:
            refuted = bool(operating.too_fast)
            found = dataclasses.replace(
                found,
                recommended=operating.recommended,
                operating=operating.level or (None if refuted else self.operating),
                # Its price was compared with that of a rate which this one does not carry.
                runner_up=None if refuted else self.runner_up,
            )
        if findings.trials is not None:
            found = dataclasses.replace(found, recommended=findings.trials.recommended)
        return found

    def on_gpus(self, findings: Findings, verdict: GpuVerdict) -> Decision:
        """With the share of a GPU that goes with this verdict."""
        workers = self.recommended.configuration.workers
        variables = gpu_environment(verdict, findings.gpu.growth, workers)
        return dataclasses.replace(self, recommended=dataclasses.replace(self.recommended, variables=variables))


def decide(findings: Findings) -> Decision:
    options, full = findings.options, len(findings.setup.server_cpus)
    swept = (*findings.sweep.candidates, *(findings.quota.candidates if findings.quota.complete else ()))
    chosen = choose_cpus(swept, findings.capacity, full, options.slo) if findings.sweep.complete else None
    cpu = _cpu(findings, chosen.capacity, chosen.configuration) if chosen else None
    cpu, memory = cpu or _cpu(findings, findings.capacity, options.configuration), _memory(findings, chosen)
    runner_up: RunnerUpResult | None = None
    warnings: list[str] = []
    if cpu is not None and memory is not None and findings.search.complete:
        first = Offer(options.configuration, None, cpu, memory, gpus_in_use(findings.gpu, options.configuration))
        offers, warnings = _offers(findings, first)
        best = choose(offers)
        chosen, cpu, memory = best.candidate or chosen, best.cpu, best.memory
        runner_up = _runner_up(findings, best, offers)
    configuration = chosen.configuration if chosen else options.configuration
    recommended = Recommended(
        configuration=configuration,
        cpu=cpu,
        memory=memory,
        library_threads=_library_threads(cpu, configuration) if findings.elastic() else None,
        leak_bytes=findings.growth.bytes_per_request if findings.growth.verdict == "growing" else None,
    )
    return Decision(recommended, chosen, _operating(findings, chosen), runner_up, tuple(warnings))


def _operating(findings: Findings, chosen: Candidate | None) -> RateLevel | None:
    return chosen.level if chosen else findings.open_loop.operating


def _library_threads(cpu: CpuAnswer | None, configuration: Configuration) -> int | None:
    """Of each worker, so that together they have a thread for every core."""
    return max(1, int(cpu.cores.limit_cores // configuration.workers)) if cpu else None


def _cpu(findings: Findings, capacity: Capacity, configuration: Configuration) -> CpuAnswer | None:
    return cpu_answer(capacity, findings.census, findings.options, configuration.slots, findings.open_loop.slo_rps)


def _memory(findings: Findings, chosen: Candidate | None) -> MemoryAnswer | None:
    """Of the configuration that was profiled, on the `chosen` number of CPUs."""
    if findings.startup is None or findings.surroundings.memory_unknown:
        return None
    load_bytes = findings.startup.memory.total.peak_bytes
    most_bytes = phase_peak_bytes(findings, _operating(findings, chosen))
    return recommend_memory(load_bytes, most_bytes, heavy_bytes(findings), _growing_bytes(findings))


def memory_of(findings: Findings, one: Candidate) -> MemoryAnswer:
    """Of a server in another configuration, which had no census of its own."""
    ready = one.startup.memory.total
    heavy = ready.held_bytes + one.configuration.slots * max(findings.census.rises_bytes(), default=0)
    return recommend_memory(ready.peak_bytes, one.peak_bytes(), heavy, _growing_bytes(findings))


def _growing_bytes(findings: Findings) -> int | None:
    growing = findings.growth.verdict == "growing"
    return findings.startup.memory.worker_bytes() if growing and findings.startup else None


def phase_peak_bytes(findings: Findings, operating: RateLevel | None) -> int:
    """The highest peak of any phase after the start."""
    memories = [level.memory for level in findings.capacity.levels]
    memories += [level.memory for level in findings.sustained_levels(operating)]
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
        """In cores, for all replicas of the target rate, else for one request per second.

        A target rate costs the CPU time of its requests, however it is laid out. What is asked for on top, so that
        they do not wait, is less for two workers than for one; where one carries the rate, that is no reason for two.
        """
        cpu, size_bytes = self.cpu, self.memory.size.request_bytes
        if cpu.replicas:
            return cpu.replicas * price_cores(cpu.demand_cores, size_bytes, self.gpus)
        return price_cores(cpu.cores.request_cores, size_bytes, self.gpus) / cpu.carries_rps


def _offers(findings: Findings, first: Offer) -> tuple[list[Offer], list[str]]:
    """The first is what was profiled; then the candidates that hold. Warnings say why others do not."""
    offers, warnings = [first], []
    for one in findings.search.candidates:
        cpu = _cpu(findings, one.capacity, one.configuration)
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
    """The cheapest; what was profiled stays unless another is cheaper by enough to change.

    Of two that cost the same within 5 % the one with fewer processes is chosen.
    """
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
    needs = f"{counted(cpu.cores.request_cores, 'core')} and {memory.size.request_bytes / 1e9:.2f} GB"
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
        yield f"{options.slo} was not shown at any rate that was tried: the recommendation does not meet it"
    yield from _warnings_of_connections(findings, decision)
    yield from _warnings_of_failures(decision.operating)
    allowed_gb = options.max_memory_gb
    if allowed_gb is not None and memory is not None and memory.size.request_bytes > allowed_gb * 1e9:
        needs_gb = memory.size.request_bytes / 1e9
        yield f"the model needs {needs_gb:.2f} GB of memory, more than the {allowed_gb:g} GB allowed"


def _warnings_of_connections(findings: Findings, decision: Decision) -> Iterator[str]:
    """Only where more connections would have been used; a queue that grows anyway has no use for them."""
    budget, levels = findings.surroundings.connections, findings.rate_levels(decision.operating)
    waited = sum(level.answer.waited for level in levels if not level.queue_grows)
    if budget is None or not budget.bounds:
        return
    if findings.capacity.bounded:
        yield f"throughput was still rising with all connections in use: {budget.sentence()}"
    if waited:
        yield f"in the open loop {waited} requests waited for a connection: {budget.sentence()}"


def _warnings_of_failures(level: RateLevel | None) -> Iterator[str]:
    """A rate at which requests fail is not one that a replica carries."""
    if level is not None and not level.latency.withheld and turns_away(level):
        lost, rate = level.unexpected_failures, plain_rate(level.rate_rps)
        yield f"at {rate} requests/s {lost} of {level.result.requests} requests were turned away even without limits"
    if level is not None and level.latency.withheld:
        requests, counts = level.answer.load.requests, level.answer.load.outcomes.items()
        failed = ", ".join(f"{outcome}: {count}" for outcome, count in counts if not is_success(outcome))
        yield (
            f"at {plain_rate(level.rate_rps)} requests/s {level.unexpected_failures} of {requests} requests failed"
            f" ({failed}): no latency is stated, as that of the others would mislead"
        )
