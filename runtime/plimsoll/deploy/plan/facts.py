"""From a profile and options to the answer: calibrates the replica, tries the settings, chooses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.deploy.plan.answer import (
    Assumptions,
    PauseFacts,
    Percentiles,
    PlanAnswer,
    PointFacts,
    ReplicaFacts,
    SettingFacts,
    TrafficFacts,
    best_of_each_kind,
)
from plimsoll.deploy.plan.cluster.course import Point
from plimsoll.deploy.plan.cluster.trial import CpuUse, Scene, step_of
from plimsoll.deploy.plan.objective import Objective
from plimsoll.deploy.plan.options import PlanOptions
from plimsoll.deploy.plan.price import Prices
from plimsoll.deploy.plan.replica.calibration import Calibrated, calibrate
from plimsoll.deploy.plan.replica.evidence import Evidence, evidence_of
from plimsoll.deploy.plan.replica.model import Patience, ReplicaModel
from plimsoll.deploy.plan.replica.outcomes import Outcomes
from plimsoll.deploy.plan.search import Search, Tried, cheapest
from plimsoll.deploy.plan.settings import Bounds, autoscaled
from plimsoll.deploy.profile_facts import ProfileFacts
from plimsoll.profiling.result.measurements import Measurements
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.units import milliseconds, number

_FAR_OFF = 0.2
"""A simulated percentile that differs more from the measured one is warned of."""
_DOUBLED = 2
_MARGIN = 2
"""Calls differ, and a full queue may take longer than it does on average."""
_LEAST_UNDER_WAY = 0.01


def answer(needs: ReplicaNeeds, profile: Profile, options: PlanOptions, named: str) -> PlanAnswer:
    """Raises UsageError where the profile does not say enough: it begins with how that is `named`."""
    evidence = evidence_of(profile, needs, options.node, named)
    calibrated = calibrate(evidence, options.seed)
    bounds = _bounds(needs, options)
    objective = Objective(options.slo)
    scene = _scene(needs, profile, _limited(calibrated.model, evidence, options), options)
    search = Search(scene, needs, bounds, objective, options.prices)
    tried = _try_all(search, needs, profile, options)
    chosen = cheapest(tried)
    return PlanAnswer(
        profile=ProfileFacts.of(needs, name=needs.profile_name),
        traffic=_traffic(options),
        replica=_replica(evidence, calibrated),
        assumptions=_assumptions(needs, options),
        least_replicas=bounds.least,
        most_replicas=bounds.most,
        objective=str(objective),
        objective_seconds=options.slo.seconds if options.slo else None,
        objective_share=objective.share,
        compared_by=options.prices.unit,
        settings=_with_courses([_setting(each, objective, options.prices, each is chosen) for each in tried], tried),
        warnings=list(_warnings(needs, profile, evidence, calibrated)),
        notes=list(_notes(search.scene.outcomes, tried)),
    )


def _bounds(needs: ReplicaNeeds, options: PlanOptions) -> Bounds:
    most = options.most or max(options.least, _DOUBLED * needs.replicas_for(options.traffic.most_rps))
    return Bounds(options.least, most, options.window_s)


def _limited(model: ReplicaModel, evidence: Evidence, options: PlanOptions) -> ReplicaModel:
    """With a deadline of the clients, which bounds run() too, and with the server's own if it can be reached."""
    patience = Patience(evidence.slot_patience_s, options.request_timeout_s or math.inf)
    longest_s = (model.most_waiting + model.ahead) / model.capacity_rps
    counts = options.request_timeout_s is not None or patience.queue_s < _MARGIN * longest_s
    return dataclasses.replace(model, patience=patience) if counts else model


def _scene(needs: ReplicaNeeds, profile: Profile, model: ReplicaModel, options: PlanOptions) -> Scene:
    return Scene(
        traffic=options.traffic,
        outcomes=Outcomes(model, step_of(options.traffic), options.seed),
        cpu=_cpu(needs, profile.measurements, model.capacity_rps),
        request_cores=needs.request_cores,
        start_s=options.scheduled_s + needs.seconds_to_ready,
        metrics_delay_s=options.metrics_delay_s,
        nodes=options.nodes,
        seed=options.seed,
        in_turn=options.balance == "round-robin",
    )


def _cpu(needs: ReplicaNeeds, measured: Measurements, capacity_rps: float) -> CpuUse:
    """Through what was measured at the operating point and at saturation."""
    most = max(measured.concurrency_levels, key=lambda level: level.requests_per_second)
    points = [(0.0, 0.0), (needs.rate_rps, needs.used_cores)]
    if capacity_rps > needs.rate_rps:
        points.append((capacity_rps, max(needs.used_cores, min(needs.limit_cores, most.cores_used.mean))))
    return CpuUse(tuple(points))


def _try_all(search: Search, needs: ReplicaNeeds, profile: Profile, options: PlanOptions) -> list[Tried]:
    if options.settings:
        return [search.attempt(setting) for setting in options.settings]
    level = profile.measurements.operating_level
    under_way = max(level.in_flight_mean, _LEAST_UNDER_WAY) if level else float(needs.slots)
    return search.fixed() + [search.attempt(setting) for setting in autoscaled(needs, under_way, options.least)]


def _traffic(options: PlanOptions) -> TrafficFacts:
    traffic = options.traffic
    return TrafficFacts(
        name=traffic.name,
        begin=traffic.begin.isoformat() if traffic.begin else None,
        seconds=traffic.seconds,
        mean_requests_per_second=traffic.mean_rps,
        most_requests_per_second=traffic.most_rps,
    )


def _replica(evidence: Evidence, calibrated: Calibrated) -> ReplicaFacts:
    model, measured, simulated = calibrated.model, evidence.latency, calibrated.simulated
    pauses = model.pauses
    return ReplicaFacts(
        servers=model.servers,
        slots=evidence.slots,
        service_seconds=model.service_s,
        delay_seconds=model.delay_s,
        busy_delay_seconds=model.busy_delay_s,
        squared_variation=model.shape.squared_variation,
        shape_from=evidence.shape_source,
        pauses=PauseFacts(per_second=pauses.per_s, mean_seconds=pauses.mean_s) if pauses else None,
        largest_batch=model.batches.largest if model.batches else None,
        most_waiting=model.most_waiting,
        most_seconds_waiting=evidence.slot_patience_s,
        capacity_requests_per_second=model.capacity_rps,
        capacity_from=evidence.capacity_source,
        calibrated_at_requests_per_second=measured.rate_rps,
        calibrated_to=measured.source,
        measured=Percentiles(p50=measured.p50_s, p95=measured.p95_s, p99=measured.p99_s),
        simulated=Percentiles(p50=simulated.p50_s, p95=simulated.p95_s, p99=simulated.p99_s),
    )


def _assumptions(needs: ReplicaNeeds, options: PlanOptions) -> Assumptions:
    return Assumptions(
        pod_seconds=options.scheduled_s + needs.seconds_to_ready,
        scheduled_seconds=options.scheduled_s,
        metrics_delay_seconds=options.metrics_delay_s,
        scale_down_window_seconds=options.window_s,
        request_timeout_seconds=options.request_timeout_s,
        node=options.node,
        balance=options.balance,
        replicas_per_node=options.nodes.replicas,
        nodes_lost_at_seconds=list(options.nodes.lost_s),
        node_mtbf_seconds=options.nodes.mtbf_s,
        seed=options.seed,
    )


def _setting(tried: Tried, objective: Objective, prices: Prices, chosen: bool) -> SettingFacts:
    course, slo = tried.course, objective.slo
    return SettingFacts(
        name=str(tried.setting),
        kind=tried.setting.kind,
        value=tried.setting.value,
        least_replicas=course.least,
        most_replicas=course.most,
        requests=course.requests,
        refused=course.refused,
        refused_share=course.refused_share,
        latency_seconds=Percentiles(
            p50=course.percentile_s(0.5), p95=course.percentile_s(0.95), p99=course.percentile_s(0.99)
        ),
        objective_latency_seconds=course.percentile_s(objective.share),
        within_objective=course.share_within(slo.seconds) if slo else 1 - course.refused_share,
        kept=tried.kept,
        chosen=chosen,
        replica_hours=course.replica_hours,
        node_hours=course.node_hours,
        cost=tried.cost,
        cost_per_million_requests=prices.per_million(course),
        points=[],
    )


def _with_courses(settings: Sequence[SettingFacts], tried: Sequence[Tried]) -> list[SettingFacts]:
    """The cheapest of each kind is followed through time."""
    shown = best_of_each_kind(settings)
    pairs = zip(settings, tried, strict=True)
    return [
        setting.model_copy(update={"points": [_point(point) for point in each.course.points()]})
        if any(setting is best for best in shown)
        else setting
        for setting, each in pairs
    ]


def _point(point: Point) -> PointFacts:
    return PointFacts(
        seconds=point.at_s,
        requests_per_second=point.rps,
        refused_per_second=point.refused_rps,
        replicas=point.replicas,
        ready_replicas=point.ready,
        p50_seconds=point.p50_s,
        p99_seconds=point.p99_s,
    )


def _warnings(needs: ReplicaNeeds, profile: Profile, evidence: Evidence, calibrated: Calibrated) -> Iterator[str]:
    measured, simulated = evidence.latency, calibrated.simulated
    pairs = (
        ("p50", measured.p50_s, simulated.p50_s),
        ("p95", measured.p95_s, simulated.p95_s),
        ("p99", measured.p99_s, simulated.p99_s),
    )
    for name, known_s, found_s in pairs:
        if known_s is not None and abs(found_s - known_s) > _FAR_OFF * known_s:
            yield (
                f"at {number(measured.rate_rps)} requests/s the simulated {name} is {milliseconds(found_s)} ms, and"
                f" the measured one {milliseconds(known_s)} ms: latencies are off by as much"
            )
    if needs.grade == "estimated":
        yield "the profile is estimated, not proved, and so is what follows from it"
    yield from (f"of the profile: {warning}" for warning in profile.warnings)


def _notes(outcomes: Outcomes, tried: Sequence[Tried]) -> Iterator[str]:
    stood_for = sum(each.course.requests for each in tried)
    yield f"{outcomes.simulated:,} requests were simulated, one by one; they stand for {stood_for:,.0f}"
