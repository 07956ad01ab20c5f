"""Phase: the recommendation is a hypothesis until a server has run inside it. Three servers at most, each a step up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.host.cgroups.groups import Delegation
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.result.base import LatencySeconds
from plimsoll.profiling.result.verification import (
    Evidence,
    Kind,
    Method,
    Tightness,
    Verification,
    VerificationAttempt,
)
from plimsoll.profiling.session import Session
from plimsoll.profiling.trials.judgement import Reference
from plimsoll.profiling.trials.operating_point import OperatingPoint
from plimsoll.profiling.trials.proof import Proof
from plimsoll.profiling.trials.trial import Rehearsal, Trial, enclosed, method_of

_MOST_SERVERS = 3
# Ending one server, the heavy rows, the warm-up.
_AROUND_S = 4.0


@dataclass(frozen=True, slots=True)
class Trials:
    """All trials so far, those in search of the limit first; `recommended` is what came of them.

    `why_not_enforced` says why the kernel did not enforce the limits, `why_no_competitor` why the request was not tried
    on a full node.
    """

    method: Method
    reference: Reference
    recommended: Recommended
    why_not_enforced: str | None = None
    attempts: tuple[VerificationAttempt, ...] = ()
    why_no_competitor: str | None = None

    def after(self, trial: Trial, proof: Proof) -> Trials:
        """With one more, and what it changed."""
        return dataclasses.replace(
            self,
            recommended=proof.recommended,
            attempts=(*self.attempts, trial.attempt),
            why_no_competitor=proof.why_no_competitor(),
        )

    @property
    def result(self) -> Verification | None:
        """None before the first trial. The last decides: of the request, or of the limit if no request can be tried."""
        last = self._deciding
        if last is None or last.kind == "search":
            return None
        complete = last.kind == "request" or self.why_no_competitor is not None
        return Verification.of(
            self,
            limits=last.limits,
            request_cores=last.weight_cores,
            passed=last.passed and complete,
            evidence=self._evidence(),
        )

    @property
    def _deciding(self) -> VerificationAttempt | None:
        """A request that was raised to all there is needs no trial beside that of a limit, which may be a lower one."""
        last = self.attempts[-1] if self.attempts else None
        if last is None or last.kind != "request" or self.why_no_competitor is None:
            return last
        limit = next(attempt for attempt in reversed(self.attempts) if attempt.kind == "limit")
        # More memory than it had is recommended only where that was too little for the request.
        return limit if limit.limits.memory_bytes == self.recommended.limits.memory_bytes else last

    def _evidence(self) -> Evidence:
        reference, limited = self.reference, self._latency("limit")
        # What was tried on a full node was too little then.
        full = LatencySeconds() if self.why_no_competitor else self._latency("request")
        return Evidence(
            target_requests_per_second=reference.rate_rps,
            seconds=reference.seconds,
            unlimited_p95_seconds=reference.p95_s,
            unlimited_p99_seconds=reference.p99_s,
            limited_p95_seconds=limited.p95,
            limited_p99_seconds=limited.p99,
            full_node_p95_seconds=full.p95,
            full_node_p99_seconds=full.p99,
            p95_ratio=_ratio(limited.p95, reference.p95_s),
            p99_ratio=_ratio(limited.p99, reference.p99_s),
            tightness=_tightness(self.recommended),
        )

    def _latency(self, kind: Kind) -> LatencySeconds:
        """Of the last trial of this kind."""
        known = (attempt.latency_seconds for attempt in reversed(self.attempts) if attempt.kind == kind)
        return next(known, LatencySeconds())


def _tightness(recommended: Recommended) -> Tightness:
    """Where trials have shown that less CPU is enough than was computed, that is all it needs."""
    cpu, memory = recommended.cpu, recommended.memory
    return Tightness(
        cpu=min(1.0, cpu.need_cores / cpu.cores.request_cores) if cpu and cpu.need_cores else None,
        memory=memory.need_bytes / memory.size.request_bytes if memory and memory.need_bytes else None,
    )


def _ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other else None


def verify(
    session: Session,
    operating: OperatingPoint,
    rehearsal: Rehearsal,
    delegation: Delegation | None,
    why_not: str | None,
    most_cores: float,
) -> Iterator[Trials]:
    """Yields when a server begins and after each trial; needs the servers before gone."""
    found = Trials(
        method_of(delegation), rehearsal.reference, operating.recommended, why_not, attempts=operating.search
    )
    for number in range(_MOST_SERVERS):
        last: Trial | None = None
        with enclosed(delegation, str(number), len(session.setup.server_cpus)) as enclosure:
            proof = Proof(session, found.recommended, rehearsal, enclosure, most_cores)
            yield found
            for last in proof.trials():
                found = found.after(last, proof)
                yield found
        more = step_up(proof.recommended, last, most_cores) if last else None
        # Tried or not: what a trial has refuted is not recommended.
        alone = proof.why_no_competitor()
        found = dataclasses.replace(found, recommended=more or proof.recommended, why_no_competitor=alone)
        if last is None or more is None or _too_late(session, last, rehearsal.reference):
            break
    yield found


def step_up(recommended: Recommended, last: Trial, most_cores: float) -> Recommended | None:
    """What is worth another server; None where nothing is."""
    if last.attempt.passed:
        return None
    if "memory" in last.causes:
        return recommended.with_more_memory()
    if "start" in last.causes:
        return recommended.with_next_limit(most_cores)
    # For want of CPU the proof has raised it already.
    return recommended if recommended.limits.cpu_cores > last.attempt.limits.cpu_cores else None


def _too_late(session: Session, last: Trial, reference: Reference) -> bool:
    """One more would take about as long as this one."""
    load_s = reference.seconds if last.attempt.requests is not None else 0.0
    return not session.time_for((last.attempt.seconds_to_ready or 0.0) + load_s + _AROUND_S)
