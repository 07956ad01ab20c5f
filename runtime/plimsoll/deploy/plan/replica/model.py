"""One replica as a queue of so many servers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.deploy.plan.replica.shape import Shape


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """run() takes `call_s` · b + `batch_s` for b calls at once, at most `largest` of them."""

    call_s: float
    batch_s: float
    largest: int

    def run_s(self, size: float) -> float:
        return self.call_s * size + self.batch_s

    def times(self, scale: float) -> BatchTimes:
        return BatchTimes(self.call_s * scale, self.batch_s * scale, self.largest)


@dataclass(frozen=True, slots=True)
class Pauses:
    """The whole replica stands still at random: `per_s` times in a second of work, for `mean_s` (exponential)."""

    per_s: float
    mean_s: float

    @property
    def slowdown(self) -> float:
        """How much longer everything takes in the long run."""
        return 1 + self.per_s * self.mean_s


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a call waits for a slot at most, as the server is set, and for its answer, as its client says."""

    slot_s: float = math.inf
    answer_s: float = math.inf

    @property
    def admission_s(self) -> float:
        """Whoever would wait longer for a slot is refused at once: the client's own deadline replaces the server's."""
        return self.slot_s if math.isinf(self.answer_s) else self.answer_s

    @property
    def queue_s(self) -> float:
        """Whoever has waited for so long is given up."""
        return min(self.slot_s, self.answer_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaModel:
    """Times are means, which the shape spreads: `service_s` holds a server, `delay_s` is spent outside any queue.

    `busy_delay_s` is a further delay at full load, and in proportion below it: what processes cost each other that
    want the same cores. With `batches`, `service_s` is that of a batch of one. `most_waiting` is the length of the
    server's queue; `ahead` further calls lie in the slots already, behind those that run.
    """

    servers: int
    service_s: float
    delay_s: float
    shape: Shape
    most_waiting: int
    ahead: int = 0
    batches: BatchTimes | None = None
    pauses: Pauses | None = None
    patience: Patience | None = None
    busy_delay_s: float = 0.0

    @property
    def capacity_rps(self) -> float:
        """What it answers in the long run when there is always something to do."""
        if self.batches is not None:
            rate_rps = self.servers * self.batches.largest / self.batches.run_s(self.batches.largest)
        else:
            rate_rps = self.servers / self.service_s
        return rate_rps / self.slowdown

    @property
    def slowdown(self) -> float:
        """By pauses."""
        return self.pauses.slowdown if self.pauses else 1.0
