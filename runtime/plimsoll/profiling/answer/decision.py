"""Phase: the recommendation, from what the other phases found; without load there is no answer for CPU."""

from __future__ import annotations

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.cpu import CpuAnswer, Demand, plain_rate, recommend_cpu
from plimsoll.profiling.advice.memory import MemoryAnswer, recommend_memory
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.load.tally import is_success
from plimsoll.profiling.phases.candidate import Size
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.statistics import rank_percentile, squared_variation, upper_bound

_ENOUGH_REQUESTS = 5


def decide(findings: Findings) -> None:
    """Fills in `cpu` and `memory`, each only if it was measured; may be called again when more is known."""
    findings.cpu = answer_at(findings, findings.sized_capacity()) or findings.cpu
    findings.memory = _memory(findings)


def _memory(findings: Findings) -> MemoryAnswer | None:
    if findings.startup is None or findings.memory_unknown:
        return None
    size = findings.chosen_size
    if size is not None and size.configuration != findings.options.configuration:
        return memory_at(findings, size)
    load_bytes = findings.startup.memory.total.peak_bytes
    return recommend_memory(load_bytes, phase_peak_bytes(findings), heavy_bytes(findings), _growing_bytes(findings))


def memory_at(findings: Findings, size: Size) -> MemoryAnswer:
    """The recommendation for another shape."""
    ready = size.startup.memory.total
    heavy = ready.held_bytes + size.configuration.slots * max(_rises_bytes(findings), default=0)
    return recommend_memory(ready.peak_bytes, size.peak_bytes(), heavy, _growing_bytes(findings))


def _growing_bytes(findings: Findings) -> int | None:
    growing = findings.growth is not None and findings.growth.verdict == "growing"
    return findings.startup.memory.worker_bytes() if growing and findings.startup else None


def _rises_bytes(findings: Findings) -> list[int]:
    return [row.peak_bytes for row in findings.census.rows.values() if row.peak_bytes is not None]


def answer_at(findings: Findings, capacity: Capacity, configuration: Configuration | None = None) -> CpuAnswer | None:
    """The recommendation for a server that showed these levels; None without load."""
    demand, options = _demand(findings, capacity, configuration or findings.configuration()), findings.options
    if demand is None:
        return None
    return recommend_cpu(demand, options.target_rps, options.max_cpu_cores, findings.slo_rps or None)


def _demand(findings: Findings, capacity: Capacity, configuration: Configuration) -> Demand | None:
    saturated = capacity.saturated()
    if not saturated:
        return None
    windows = [window for level in saturated for window in level.windows]
    # Windows in which hardly anything was answered say nothing about the cost of a request.
    costs_s = [window.cpu_per_request_s for window in windows if window.answer.requests >= _ENOUGH_REQUESTS]
    mean_s = sum(window.total_cpu_s for window in windows) / sum(window.answer.requests for window in windows)
    samples = [cores for window in windows for cores in window.cores]
    best = max(saturated, key=lambda level: level.throughput_rps)
    alone = next((level.latency for level in capacity.levels if level.connections == 1), None)
    return Demand(
        cpu_s=mean_s,
        cpu_upper_s=max(upper_bound(costs_s) or 0.0, mean_s),
        capacity_rps=best.throughput_rps * best.requests / best.successes,
        service_s=alone.mean_s() if alone else None,
        squared_variation=_variation(findings, capacity),
        busiest_cores=rank_percentile(samples, 0.95) or 0.0,
        slots=configuration.slots,
    )


def _variation(findings: Findings, capacity: Capacity) -> float | None:
    """CV² of the time one request takes alone: over the level of one connection, else over the rows."""
    alone = next((level.latency for level in capacity.levels if level.connections == 1), None)
    if alone is not None and alone.count >= 30:
        return alone.squared_variation()
    return squared_variation([row.answer.latency_s for row in findings.census.succeeded()])


def phase_peak_bytes(findings: Findings) -> int:
    """The highest peak of any phase after the start."""
    memories = [level.memory for level in findings.capacity.levels] + [level.memory for level in findings.rates]
    if findings.census.memory is not None:
        memories.insert(0, findings.census.memory)
    if findings.growth is not None and findings.growth.verdict == "growing":
        # What leaked during the measurement is no need; what will leak is in the allowance.
        memories = memories[:1]
    return max((memory.total.peak_bytes for memory in memories), default=0)


def heavy_bytes(findings: Findings) -> int | None:
    """Memory with the heaviest row on every slot at once: at rest after the census, plus slots times its rise."""
    rises = _rises_bytes(findings)
    if findings.census.memory is None or not rises:
        return None
    return findings.census.memory.total.held_bytes + findings.options.slots * max(rises)


def warn_of_bounds(findings: Findings) -> None:
    """Once, when all is decided."""
    if findings.slo_rps == 0:
        findings.warnings.append(
            f"{findings.options.slo} was not shown at any rate that was tried: the recommendation does not keep it"
        )
    warn_of_connections(findings)
    warn_of_failures(findings)
    allowed_gb, memory = findings.options.max_memory_gb, findings.memory
    if allowed_gb is not None and memory is not None and memory.request_bytes > allowed_gb * 1e9:
        findings.warnings.append(
            f"the model needs {memory.request_bytes / 1e9:.2f} GB of memory, more than the {allowed_gb:g} GB allowed"
        )


def warn_of_connections(findings: Findings) -> None:
    """Only where more connections would have been used; a queue that grows anyway has no use for them."""
    budget = findings.connections
    waited = sum(level.answer.waited for level in findings.rates if not level.queue_grows)
    if budget is None or not budget.bounds:
        return
    if findings.capacity.bounded:
        findings.warnings.append(f"throughput was still rising with all connections in use: {budget.sentence()}")
    if waited:
        findings.warnings.append(f"in the open loop {waited} requests waited for a connection: {budget.sentence()}")


def warn_of_failures(findings: Findings) -> None:
    """A rate at which requests fail is not one that a replica carries."""
    level = findings.operating_level()
    if level is not None and level.latency.withheld:
        requests, counts = level.answer.load.requests, level.answer.load.outcomes.items()
        failed = ", ".join(f"{outcome}: {count}" for outcome, count in counts if not is_success(outcome))
        findings.warnings.append(
            f"at {plain_rate(level.rate_rps)} requests/s {level.unexpected_failures} of {requests} requests failed"
            f" ({failed}): no latency is stated, as that of the others would mislead"
        )
