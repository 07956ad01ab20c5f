"""From evidence to a model that answers as the server did.

Three things are taken as they were measured: how requests differ, how long they take alone, and the rate at which the
replica saturates. The number of servers follows from them by Little's law, as in the profile's own advice: what is in
service at saturation, and never more than there are slots. A service then lasts servers/capacity; what requests take
longer than that alone (HTTP, the way through the front) holds no server.

Queueing alone rarely explains the tail that was measured under load: the kernel, the quota and the neighbours hold a
process up now and then. Two further things are fitted to the measured percentiles: a delay that grows with the load, by
the median; and pauses of the whole replica, by p95 and p99. Both are kept at other rates, which is an assumption.

Of a few hundred requests p95 is known to a fifth at best, and pauses that stand for chance make everything slower that
is under a higher load. So there are none where queueing alone, watched for as many requests, often has such a p95.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from random import Random

from plimsoll.deploy.plan.replica.evidence import Evidence
from plimsoll.deploy.plan.replica.model import BatchTimes, Pauses, ReplicaModel
from plimsoll.deploy.plan.replica.present import Present
from plimsoll.deploy.plan.replica.window import run_window
from plimsoll.profiling.statistics import rank_percentile
from plimsoll.workers.dispatch.slot import most_held

_REQUESTS = 100_000
_MOST_OFTEN = 1.0
"""Pauses take no more time than work does."""
_NEAR = 0.05
"""A simulated p95 that is at most so much below the measured one needs no pauses."""
_OFTEN = 0.9
"""A p95 is explained by chance that is not exceeded by so many of those that queueing alone has."""
_FEWEST_PARTS = 20
_HALVINGS = 9
_ROUNDS = 4
_CLOSE_P95, _CLOSE_P99 = 0.01, 0.03
"""Nearer than this to the measured percentile is not looked for."""
_TAIL = math.log(5)
"""Of an exponential tail, p99 lies so many means beyond p95."""
_SHORTEST_S = 1e-6
_SPAN = 6.0
"""Between this part and this multiple of what the measured tail speaks for, the length of pauses is looked for."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Seconds, simulated at the rate of the evidence."""

    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The model and what it answers at the rate at which the server was measured."""

    model: ReplicaModel
    simulated: Percentiles


def calibrate(evidence: Evidence, seed: int) -> Calibrated:
    """The same for the same seed."""
    return _Fit(evidence, queue_of(evidence), seed).best()


def queue_of(evidence: Evidence) -> ReplicaModel:
    """Without pauses and without any delay under load."""
    slots, batches, held = evidence.slots, None, 1
    if evidence.batches is not None:
        batches = _saturating(evidence.batches, slots, evidence.capacity_rps)
        servers, service_s = slots, batches.run_s(1)
    else:
        servers = min(max(1, round(evidence.capacity_rps * evidence.alone_s)), slots)
        service_s = servers / evidence.capacity_rps
        held = most_held(service_s)
    return ReplicaModel(
        servers=servers,
        service_s=service_s,
        delay_s=max(0.0, evidence.alone_s - service_s),
        shape=evidence.shape,
        most_waiting=evidence.most_waiting,
        ahead=slots * held - servers,
        batches=batches,
    )


def _saturating(batches: BatchTimes, slots: int, capacity_rps: float) -> BatchTimes:
    """The same form, but full batches on all slots come to the measured capacity."""
    return batches.times(slots * batches.largest / batches.run_s(batches.largest) / capacity_rps)


@dataclass(frozen=True, slots=True)
class _Fit:
    evidence: Evidence
    plain: ReplicaModel
    seed: int

    def best(self) -> Calibrated:
        wanted = self.evidence.latency
        made = self._shifted(self.plain)
        if max(made.simulated.p95_s, self._by_chance_s(made.model)) >= (1 - _NEAR) * wanted.p95_s:
            return made
        first_s = (wanted.p99_s - wanted.p95_s) / _TAIL if wanted.p99_s else wanted.p95_s - wanted.p50_s
        first_s = tail_s = max(first_s, _SHORTEST_S)
        for _ in range(_ROUNDS):
            made = self._often_enough(tail_s)
            if wanted.p99_s is None or abs(made.simulated.p99_s / wanted.p99_s - 1) <= _CLOSE_P99:
                break
            found_s = max(made.simulated.p99_s - made.simulated.p50_s, _SHORTEST_S)
            tail_s *= (wanted.p99_s - wanted.p50_s) / found_s
            tail_s = min(max(tail_s, first_s / _SPAN), first_s * _SPAN)
        return made

    def _by_chance_s(self, model: ReplicaModel) -> float:
        """What p95 comes to without pauses, in a measurement as short as that of the evidence."""
        requests = min(self.evidence.latency.requests, _REQUESTS // _FEWEST_PARTS)
        latencies_s = self._latencies_s(model)
        parts = (latencies_s[begin : begin + requests] for begin in range(0, len(latencies_s) - requests + 1, requests))
        return rank_percentile([rank_percentile(part, 0.95) or 0.0 for part in parts], _OFTEN) or 0.0

    def _often_enough(self, mean_s: float) -> Calibrated:
        """Pauses of this length, so many that p95 is what was measured: by halving, as more of them make it longer."""
        low_per_s, high_per_s = 0.0, _MOST_OFTEN / mean_s
        made = self._shifted(self.plain)
        for _ in range(_HALVINGS):
            per_s = math.sqrt(low_per_s * high_per_s) if low_per_s else high_per_s / 16
            made = self._shifted(self._with(Pauses(per_s, mean_s)))
            if abs(made.simulated.p95_s / self.evidence.latency.p95_s - 1) <= _CLOSE_P95:
                break
            if made.simulated.p95_s < self.evidence.latency.p95_s:
                low_per_s = per_s
            else:
                high_per_s = per_s
        return made

    def _with(self, pauses: Pauses) -> ReplicaModel:
        """The capacity was measured with all pauses in it: between them everything is quicker by as much."""
        batches, faster = self.plain.batches, 1 / pauses.slowdown
        return dataclasses.replace(
            self.plain,
            pauses=pauses,
            service_s=self.plain.service_s * faster,
            batches=batches.times(faster) if batches else None,
        )

    def _shifted(self, model: ReplicaModel) -> Calibrated:
        """With a delay under load that moves the median up to the measured one, if it is below."""
        wanted = self.evidence.latency
        found = self._latencies_s(model)
        p50_s, p95_s, p99_s = (rank_percentile(found, part) or 0.0 for part in (0.5, 0.95, 0.99))
        more_s = max(0.0, wanted.p50_s - p50_s)
        busy = min(1.0, wanted.rate_rps / model.capacity_rps)
        shifted = dataclasses.replace(model, busy_delay_s=more_s / busy)
        return Calibrated(shifted, Percentiles(p50_s + more_s, p95_s + more_s, p99_s + more_s))

    def _latencies_s(self, model: ReplicaModel) -> list[float]:
        """At the rate of the evidence, in the order of arrival."""
        rate_rps = self.evidence.latency.rate_rps
        random = Random(self.seed)  # noqa: S311  a simulation must be repeatable
        window = run_window(model, rate_rps, _REQUESTS / rate_rps, Present(), random)
        return [latency_s for latency_s in window.latencies_s if latency_s is not None]
