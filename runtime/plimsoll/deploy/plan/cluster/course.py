"""What came of one setting: how long requests took, how many were refused, what it cost, and how it went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from plimsoll.deploy.plan.replica.histogram import Buckets, merged, percentile_s, share_within
from plimsoll.deploy.plan.replica.outcomes import Outcome

_HOUR_S = 3600.0


@dataclass(slots=True)
class Span:
    """A stretch of the traffic: one point of a chart."""

    begin_s: float
    seconds: float = 0.0
    requests: float = 0.0
    refused: float = 0.0
    replica_s: float = 0.0
    ready_s: float = 0.0
    node_s: float = 0.0
    _weights: dict[int, float] = field(default_factory=dict)
    _outcomes: dict[int, Outcome] = field(default_factory=dict)

    def add(self, outcome: Outcome, replicas: float) -> None:
        """That happened to so many replicas; the same outcome is the same object."""
        key = id(outcome)
        self._outcomes[key] = outcome
        self._weights[key] = self._weights.get(key, 0.0) + replicas
        self.requests += outcome.requests * replicas
        self.refused += outcome.refused * replicas

    def drawn(self) -> Iterator[tuple[Outcome, float]]:
        """Each outcome with the number of replicas."""
        return ((outcome, self._weights[key]) for key, outcome in self._outcomes.items())


@dataclass(frozen=True, slots=True)
class Point:
    """Means over a stretch, and percentiles of its requests: None where there were none, or too many were refused."""

    at_s: float
    rps: float
    refused_rps: float
    replicas: float
    ready: float
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """`refused` includes what was sent to a lost node and what found no replica; hours count from the order on.

    `least` and `most` replicas at a time.
    """

    requests: float
    refused: float
    latencies: Buckets
    replica_hours: float
    node_hours: float
    least: int
    most: int
    spans: tuple[Span, ...] = field(compare=False, repr=False)

    @property
    def refused_share(self) -> float:
        return self.refused / self.requests if self.requests else 0.0

    def percentile_s(self, share: float) -> float | None:
        return percentile_s(self.latencies, share, self.refused)

    def share_within(self, seconds: float) -> float:
        return share_within(self.latencies, seconds, self.refused)

    def points(self) -> list[Point]:
        """For a chart. All spans together take as long as a whole trial: to be asked for where it is shown."""
        return [_point(span) for span in self.spans]


def course_of(spans: Sequence[Span], least: int, most: int) -> Course:
    """The whole of the traffic."""
    return Course(
        requests=sum(span.requests for span in spans),
        refused=sum(span.refused for span in spans),
        latencies=_latencies(spans),
        replica_hours=sum(span.replica_s for span in spans) / _HOUR_S,
        node_hours=sum(span.node_s for span in spans) / _HOUR_S,
        least=least,
        most=most,
        spans=tuple(spans),
    )


def _latencies(spans: Sequence[Span]) -> Buckets:
    """Every outcome is opened once, however often it was drawn."""
    weights: dict[int, float] = {}
    outcomes: dict[int, Outcome] = {}
    for span in spans:
        for outcome, replicas in span.drawn():
            key = id(outcome)
            outcomes[key] = outcome
            weights[key] = weights.get(key, 0.0) + replicas
    return merged((outcome.latencies, weights[key]) for key, outcome in outcomes.items())


def _point(span: Span) -> Point:
    latencies = _latencies([span])
    return Point(
        at_s=span.begin_s,
        rps=span.requests / span.seconds,
        refused_rps=span.refused / span.seconds,
        replicas=span.replica_s / span.seconds,
        ready=span.ready_s / span.seconds,
        p50_s=percentile_s(latencies, 0.5, span.refused) if span.requests else None,
        p99_s=percentile_s(latencies, 0.99, span.refused) if span.requests else None,
    )
