"""How many cores one replica needs, and at which utilisation requests do not wait too long.

Pure arithmetic; the answer brings its reason in one sentence. Utilisation follows from how much the cost of requests
varies, by an M/G/c queue: mean wait = C(c, a) / (c·(1-u)) · (1 + Cs²)/2 · S, with Erlang's C, offered load a = c·u,
service time S and its squared coefficient of variation Cs² (Allen and Cunneen's approximation; exact for one server by
Pollaczek and Khinchine).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from plimsoll.profiling.advice.rounding import round_cores
from plimsoll.profiling.result.profile import CpuRecommendation

DEFAULT_UTILISATION = 0.7
_STEPS = 40
SLO_SHARE = 0.9
# Of the CPU that is asked for under a target rate. It says how busy the CPU may be on a full node, where the rate must
# hold; how long requests wait for a slot is decided by how busy the slots are.
_TARGET_SHARE = 0.75
_CROWDED_UTILISATION = 0.9
_CROWDED_MARGIN = 0.15
# 3.0000001 replicas are three: the utilisation is found by bisection.
_HAIR = 1e-6


def erlang_c(servers: int, offered: float) -> float:
    """The chance that an arrival has to wait, for `offered` load in erlangs below `servers`."""
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    utilisation = offered / servers
    return blocked / (1 - utilisation * (1 - blocked))


def relative_wait(servers: int, utilisation: float, squared_variation: float) -> float:
    """Mean wait as a multiple of the mean service time."""
    waits = erlang_c(servers, servers * utilisation)
    return waits / (servers * (1 - utilisation)) * (1 + squared_variation) / 2


def target_utilisation(servers: int, squared_variation: float, longest_wait: float = 1.0) -> float:
    """The greatest utilisation at which the mean wait is at most `longest_wait` service times."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if relative_wait(servers, middle, squared_variation) <= longest_wait:
            low = middle
        else:
            high = middle
    return low


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
    """Cores for one replica and what it carries with them; `demand_cores` are what its rate keeps busy.

    What it was made of is 0 where it is not known, as in a profile that was read.
    """

    cores: CpuRecommendation
    need_cores: float = 0.0
    demand_cores: float = 0.0
    utilisation: float = 0.0
    capacity_rps: float = 0.0
    operating_rps: float = 0.0
    carries_rps: float = 0.0
    replicas: int | None = None

    @property
    def carries_target(self) -> bool:
        """One replica is enough; not so where no target rate was given."""
        return self.replicas == 1

    def slower(self, share: float, target_rps: float | None) -> CpuAnswer:
        """For this share of the rate, as requests were turned away at all of it.

        Without a target rate the cores stay: they are what the slots can keep busy. A target is shared out among more
        replicas, where it has to be, and each of them needs less.
        """
        carries_rps = share * self.operating_rps
        replicas, rate_rps = _shared_out(target_rps, carries_rps)
        part = rate_rps / self.operating_rps
        request_cores, need_cores = self.cores.request_cores, self.need_cores
        if target_rps is not None:
            need_cores *= part
            request_cores = min(request_cores, round_cores(need_cores, need_cores))
        turned_away = f"At {plain_rate(self.operating_rps)} requests/s requests were turned away even without limits"
        reason = f"{self.cores.reason} {turned_away}: {plain_rate(rate_rps)} requests/s are measured instead."
        return dataclasses.replace(
            self,
            cores=self.cores.model_copy(update={"reason": reason, "request_cores": request_cores}),
            need_cores=need_cores,
            demand_cores=part * self.demand_cores,
            operating_rps=rate_rps,
            carries_rps=carries_rps,
            replicas=replicas,
        )


@dataclass(frozen=True, slots=True)
class _Load:
    """The rate one replica is meant to carry, and its utilisation then."""

    rate_rps: float
    carries_rps: float
    ceiling_rps: float
    utilisation: float
    replicas: int | None
    cpu_share: float

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
    utilisation)⌉ and each gets its share, its CPU busy to 75 % at least. With an SLO a replica carries 90 % of the
    highest rate that met it. The margin is 15 % where utilisation is 0.9 or more and so is no headroom itself, else
    none. The limit is a whole number until trials have shown a smaller one.
    """
    load = _load(demand, target_rps, max_cores, slo_rps)
    cores_per_rps = (1 + load.margin) / load.cpu_share
    need_cores = load.rate_rps * demand.cpu_s * cores_per_rps
    upper_cores = max(need_cores, load.rate_rps * demand.cpu_upper_s * cores_per_rps)
    if target_rps is None and load.ceiling_rps == demand.capacity_rps:
        upper_cores = max(upper_cores, demand.busiest_cores * (1 + load.margin))
    request_cores = round_cores(need_cores, upper_cores)
    if max_cores is not None:
        request_cores = min(request_cores, max_cores)
    return CpuAnswer(
        cores=CpuRecommendation(
            request_cores=request_cores,
            limit_cores=whole_limit(request_cores, max_cores),
            reason=_cpu_reason(demand, load, need_cores, target_rps, slo_rps),
        ),
        need_cores=need_cores,
        demand_cores=load.rate_rps * demand.cpu_s,
        utilisation=load.utilisation,
        capacity_rps=load.ceiling_rps,
        operating_rps=load.rate_rps,
        carries_rps=load.carries_rps,
        replicas=load.replicas,
    )


def whole_limit(request_cores: float, max_cores: float | None) -> float:
    """Whole CPUs, so that no thread is stopped in the middle of a request; at most what is allowed."""
    limit_cores = float(math.ceil(max(request_cores, 1.0)))
    return limit_cores if max_cores is None else max(request_cores, min(limit_cores, max_cores))


def _load(demand: Demand, target_rps: float | None, max_cores: float | None, slo_rps: float | None) -> _Load:
    ceiling_rps = demand.capacity_rps if max_cores is None else min(demand.capacity_rps, max_cores / demand.cpu_s)
    if slo_rps is None:
        utilisation = utilisation_for(demand, ceiling_rps)
    else:
        utilisation = min(SLO_SHARE, SLO_SHARE * slo_rps / ceiling_rps)
    carries_rps = ceiling_rps * utilisation
    replicas, rate_rps = _shared_out(target_rps, carries_rps)
    share = max(utilisation, _TARGET_SHARE) if target_rps is not None and slo_rps is None else utilisation
    return _Load(rate_rps, carries_rps, ceiling_rps, utilisation, replicas, share)


def _shared_out(target_rps: float | None, carries_rps: float) -> tuple[int | None, float]:
    """How many replicas, and the rate of each; without a target what one carries."""
    if target_rps is None:
        return None, carries_rps
    replicas = max(1, math.ceil(target_rps / carries_rps - _HAIR))
    return replicas, target_rps / replicas


def _cpu_reason(demand: Demand, load: _Load, need_cores: float, target_rps: float | None, slo_rps: float | None) -> str:
    cost = f"One request costs {plain_rate(demand.cpu_s * 1000)} ms of CPU"
    room = f", plus {load.margin:.0%} margin," if load.margin else ""
    if target_rps is not None:
        share = f"{plain_rate(load.rate_rps)} requests/s per replica at {load.cpu_share:.0%} utilisation"
        return f"{cost}; {share}{room} need {need_cores:.2f} cores."
    rate = plain_rate(demand.capacity_rps)
    full = f"at its limit of {rate} requests/s the server keeps {need_cores:.2f} cores busy{room}"
    if slo_rps is not None:
        return f"{cost}; {full} and meets the latency objective at up to {plain_rate(load.carries_rps)} requests/s."
    return f"{cost}; {full} and {load.utilisation:.0%} of that rate can be served without long waits."


def plain_rate(value: float) -> str:
    """Three digits, and never in powers of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
