"""What a profile knows of one replica's times: how long requests take alone and how they differ, what it answers at
most, and one rate with the latency that was measured at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.deploy.plan.replica.model import BatchTimes
from plimsoll.deploy.plan.replica.shape import Shape, shape_of_curve, shape_of_values
from plimsoll.errors import UsageError
from plimsoll.profiling.result.base import LatencySeconds
from plimsoll.profiling.result.measurements import Measurements
from plimsoll.profiling.result.profile import Profile, SettingsInfo

Node = Literal["quiet", "full"]
"""Whether the neighbours leave CPU over, or want all that they may have."""
_FEWEST_ROWS = 2
_REMEDY = "profile again, with a longer --budget"


@dataclass(frozen=True, slots=True)
class MeasuredLatency:
    """Of so many `requests` at one rate of random arrivals; `source` says under which limits."""

    requests: int
    rate_rps: float
    p50_s: float
    p95_s: float
    p99_s: float | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`alone_s` is the mean latency of requests that meet no other.

    At most `most_waiting` may wait for a slot, and none longer than `slot_patience_s`.
    """

    shape: Shape
    shape_source: str
    alone_s: float
    capacity_rps: float
    capacity_source: str
    latency: MeasuredLatency
    slots: int
    most_waiting: int
    slot_patience_s: float
    batches: BatchTimes | None


def evidence_of(profile: Profile, needs: ReplicaNeeds, node: Node, named: str) -> Evidence:
    """Raises UsageError, which begins with how the profile is `named`, where it does not say enough."""
    shape, alone_s, shape_source = _alone(profile.measurements, named)
    capacity_rps, capacity_source = _capacity(profile, needs)
    return Evidence(
        shape=shape,
        shape_source=shape_source,
        alone_s=alone_s,
        capacity_rps=capacity_rps,
        capacity_source=capacity_source,
        latency=_latency(profile, needs, node, named),
        slots=needs.slots,
        most_waiting=profile.settings.max_queue,
        slot_patience_s=_slot_patience_s(profile.settings),
        batches=_batches(profile.measurements, needs),
    )


def _alone(measured: Measurements, named: str) -> tuple[Shape, float, str]:
    curve = next((curve for curve in measured.latency_curves if curve.connections == 1 and curve.seconds), None)
    if curve is not None:
        shape, mean_s = shape_of_curve(curve.shares, curve.seconds)
        return shape, mean_s, f"latencies of {curve.requests:,} requests, one at a time"
    rows, mean = measured.row_costs.cpu_seconds, measured.request.latency_seconds.mean
    if len(rows) < _FEWEST_ROWS or mean is None or sum(rows) <= 0:
        raise UsageError(f"{named}: it does not say how long requests take one at a time", remedy=_REMEDY)
    return shape_of_values(rows)[0], mean, f"CPU times of {len(rows):,} rows"


def _capacity(profile: Profile, needs: ReplicaNeeds) -> tuple[float, str]:
    """The greatest throughput of what is recommended, or what the CPU limit leaves of it.

    The levels are those of the server that was tried first; another one may be recommended.
    """
    point, levels = profile.recommendation.operating_point, profile.measurements.concurrency_levels
    best = max(levels, key=lambda level: level.requests_per_second)
    most_rps = point.requests_per_second / point.utilisation if point else best.requests_per_second
    each_s = best.cpu_seconds_per_request
    if each_s * most_rps > needs.limit_cores:
        return needs.limit_cores / each_s, f"{needs.limit_cores:g} cores, {each_s * 1000:.3g} ms of CPU each"
    return most_rps, "the greatest throughput of this configuration"


def _latency(profile: Profile, needs: ReplicaNeeds, node: Node, named: str) -> MeasuredLatency:
    """Of the trial in which the replica was as it will be; without such a trial, of the server without limits."""
    kind, source = ("request", "on a full node") if node == "full" else ("limit", "inside the recommended limits")
    trials = profile.verification.attempts if profile.verification else []
    for trial in reversed(trials):
        if trial.kind == kind and trial.passed:
            made = _measured(trial.latency_seconds, trial.requests, needs.rate_rps, source)
            if made is not None:
                return made
    level = profile.measurements.operating_level
    made = None
    if level and node == "quiet":
        made = _measured(level.latency_seconds, level.requests, needs.rate_rps, "without limits")
    if made is None:
        raise UsageError(f"{named}: it has no latencies that were measured {source}", remedy=_REMEDY)
    return made


def _measured(latency: LatencySeconds, requests: int | None, rate_rps: float, source: str) -> MeasuredLatency | None:
    if not requests or latency.p50 is None or latency.p95 is None:
        return None
    return MeasuredLatency(requests, rate_rps, latency.p50, latency.p95, latency.p99, source)


def _slot_patience_s(settings: SettingsInfo) -> float:
    """As the server works it out itself, from the longest call and the time that a stop takes."""
    return 2 * settings.scoring_timeout_seconds + settings.grace_seconds


def _batches(measured: Measurements, needs: ReplicaNeeds) -> BatchTimes | None:
    fit = measured.batch_fit
    largest = (needs.max_batch_size or fit.largest_size) if fit else 1
    return BatchTimes(fit.seconds_per_call, fit.seconds_per_batch, largest) if fit and largest > 1 else None
