"""From measurements to cores, memory and replicas. Pure arithmetic; each answer brings its reason in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.profiling.advice.rounding import MEBIBYTE, round_cores, round_up_memory
from plimsoll.profiling.advice.utilisation import DEFAULT_UTILISATION, target_utilisation

MEMORY_FACTOR = 1.15
MEMORY_MARGIN_BYTES = 100_000_000
SLO_SHARE = 0.9
_GROWTH_SHARE = 0.25
_CROWDED_UTILISATION = 0.9
_CROWDED_MARGIN = 0.15
# 3.0000001 replicas are three: the utilisation is found by bisection.
_HAIR = 1e-6


@dataclass(frozen=True, slots=True)
class Demand:
    """What was measured. `cpu_s` is CPU per request with its upper bound, `capacity_rps` what one replica can do."""

    cpu_s: float
    capacity_rps: float
    service_s: float | None
    squared_variation: float | None
    busiest_cores: float
    slots: int
    cpu_upper_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CpuAnswer:
    """Cores for one replica and what it carries with them."""

    request_cores: float
    limit_cores: float
    need_cores: float
    reason: str
    utilisation: float
    capacity_rps: float
    operating_rps: float
    carries_rps: float
    replicas: int | None


@dataclass(frozen=True, slots=True)
class MemoryAnswer:
    """Bytes for one replica; request and limit are the same, as memory cannot be throttled.

    `base_bytes` is the need without the allowance for growth.
    """

    request_bytes: int
    need_bytes: int
    base_bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Load:
    """The rate one replica is meant to carry, and how busy it is then."""

    rate_rps: float
    carries_rps: float
    ceiling_rps: float
    utilisation: float
    replicas: int | None

    @property
    def margin(self) -> float:
        """Utilisation below 0.9 is headroom itself."""
        return _CROWDED_MARGIN if self.utilisation >= _CROWDED_UTILISATION else 0.0


def utilisation_for(demand: Demand, capacity_rps: float) -> float:
    """How busy one replica may be: from the variation of its service time, 0.7 where that was not measured.

    The number of servers in the queueing formula is what the measurement shows (Little: throughput times service
    time), not what was configured: four Python threads that share one lock are one server.
    """
    if demand.squared_variation is None or demand.service_s is None:
        return DEFAULT_UTILISATION
    servers = min(max(1, round(capacity_rps * demand.service_s)), demand.slots)
    return target_utilisation(servers, demand.squared_variation)


def recommend_cpu(
    demand: Demand, target_rps: float | None, max_cores: float | None, slo_rps: float | None = None
) -> CpuAnswer:
    """Request = rate · CPU per request / utilisation · (1 + margin), rounded up.

    Without a target rate the replica gets what its slots can keep busy. With one, replicas = ⌈target / (capacity ·
    utilisation)⌉ and each gets its share. With an SLO a replica carries 90 % of the highest rate that kept it. The
    margin is 15 % where utilisation is 0.9 or more and so is no headroom itself, else none. The limit is a whole
    number, so that no thread is stopped in the middle of a request.
    """
    load = _load(demand, target_rps, max_cores, slo_rps)
    cores_per_rps = (1 + load.margin) / load.utilisation
    need_cores = load.rate_rps * demand.cpu_s * cores_per_rps
    upper_cores = max(need_cores, load.rate_rps * demand.cpu_upper_s * cores_per_rps)
    if target_rps is None and load.ceiling_rps == demand.capacity_rps:
        upper_cores = max(upper_cores, demand.busiest_cores * (1 + load.margin))
    request_cores = round_cores(need_cores, upper_cores)
    if max_cores is not None:
        request_cores = min(request_cores, max_cores)
    return CpuAnswer(
        request_cores=request_cores,
        limit_cores=float(math.ceil(max(request_cores, 1.0))),
        need_cores=need_cores,
        reason=_cpu_reason(demand, load, need_cores, target_rps, slo_rps),
        utilisation=load.utilisation,
        capacity_rps=load.ceiling_rps,
        operating_rps=load.rate_rps,
        carries_rps=load.carries_rps,
        replicas=load.replicas,
    )


def _load(demand: Demand, target_rps: float | None, max_cores: float | None, slo_rps: float | None) -> _Load:
    ceiling_rps = demand.capacity_rps if max_cores is None else min(demand.capacity_rps, max_cores / demand.cpu_s)
    if slo_rps is None:
        utilisation = utilisation_for(demand, ceiling_rps)
    else:
        utilisation = min(SLO_SHARE, SLO_SHARE * slo_rps / ceiling_rps)
    carries_rps = ceiling_rps * utilisation
    replicas = None if target_rps is None else max(1, math.ceil(target_rps / carries_rps - _HAIR))
    rate_rps = carries_rps if target_rps is None or replicas is None else target_rps / replicas
    return _Load(rate_rps, carries_rps, ceiling_rps, utilisation, replicas)


def _cpu_reason(demand: Demand, load: _Load, need_cores: float, target_rps: float | None, slo_rps: float | None) -> str:
    cost = f"One request costs {plain_rate(demand.cpu_s * 1000)} ms of CPU"
    room = f", plus {load.margin:.0%} margin," if load.margin else ""
    if target_rps is not None:
        share = f"{plain_rate(load.rate_rps)} requests/s per replica at {load.utilisation:.0%} utilisation"
        return f"{cost}; {share}{room} need {need_cores:.2f} cores."
    rate = plain_rate(demand.capacity_rps)
    full = f"at its limit of {rate} requests/s the server keeps {need_cores:.2f} cores busy{room}"
    if slo_rps is not None:
        return f"{cost}; {full} and up to {plain_rate(load.carries_rps)} requests/s keep the latency objective."
    return f"{cost}; {full} and {load.utilisation:.0%} of that rate can be served without long waits."


def plain_rate(value: float) -> str:
    """Three digits, and never in powers of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def recommend_memory(
    load_peak_bytes: int, phase_peak_bytes: int, heavy_bytes: int | None, growing_worker_bytes: int | None = None
) -> MemoryAnswer:
    """max(need · 1.15, need + 100 MB) rounded up; need = the greatest of the three, unknown ones left out.

    `heavy_bytes` is the memory when ready plus one heaviest row on every slot at once. 15 % and 100 MB are what the
    Kubernetes vertical pod autoscaler and KRR add. Where memory grows with every request (then
    `growing_worker_bytes` is what one worker holds), room for growth is added: a quarter of the need, at least 100 MB,
    to be used up before the workers are replaced, and one worker more, as the new one is there before the old one goes.
    """
    needs = {
        "while the model loads": load_peak_bytes,
        "under load": phase_peak_bytes,
        "with the heaviest row on every slot at once": heavy_bytes or 0,
    }
    when, base_bytes = max(needs.items(), key=lambda item: item[1])
    growing = growing_worker_bytes is not None
    room_bytes = growth_room_bytes(base_bytes) + (growing_worker_bytes or 0) if growing else 0
    need_bytes = base_bytes + room_bytes
    request_bytes = round_up_memory(max(need_bytes * MEMORY_FACTOR, need_bytes + MEMORY_MARGIN_BYTES))
    grows = (
        f", and it grows with every request: {room_bytes / 1e6:.0f} MB of room until workers are replaced"
        if growing
        else ""
    )
    reason = (
        f"The most it needs is {base_bytes / 1e6:.0f} MB, {when}{grows}; with 15 % or 100 MB of headroom "
        f"({request_bytes // MEBIBYTE} Mi = {request_bytes / 1e9:.2f} GB)."
    )
    return MemoryAnswer(request_bytes, need_bytes, base_bytes, reason)


def growth_room_bytes(base_bytes: int) -> int:
    """How far a server that leaks may grow before its workers are replaced."""
    return max(round(base_bytes * _GROWTH_SHARE), MEMORY_MARGIN_BYTES)
