"""The answer of `plimsoll plan`: `plan.json`, and what `--format json` prints.

Times are seconds and rates are requests per second; a percentile is null where so many requests were refused that it
is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from plimsoll.deploy.plan.options import Balance
from plimsoll.deploy.plan.replica.evidence import Node
from plimsoll.deploy.plan.settings import Kind
from plimsoll.deploy.profile_facts import ProfileFacts
from plimsoll.profiling.result.base import Model


class TrafficFacts(Model):
    """`begin` is a date where the table has dates."""

    name: str
    begin: str | None
    seconds: float
    mean_requests_per_second: float
    most_requests_per_second: float


class Percentiles(Model):
    """Seconds."""

    p50: float | None
    p95: float | None
    p99: float | None


class PauseFacts(Model):
    """The whole replica stands still so often in a second of work, for so long on average."""

    per_second: float
    mean_seconds: float


class ReplicaFacts(Model):
    """The model of one replica, where it comes from, and how it answers at the rate at which the server was measured.

    `service_seconds` holds one of the servers, `delay_seconds` none; `busy_delay_seconds` is added at full load, and
    in proportion below it. `largest_batch` is null where run() takes one call at a time. At most `most_waiting` calls
    wait for a slot, each for `most_seconds_waiting` at most.
    """

    servers: int
    slots: int
    service_seconds: float
    delay_seconds: float
    busy_delay_seconds: float
    squared_variation: float
    shape_from: str
    pauses: PauseFacts | None
    largest_batch: int | None
    most_waiting: int
    most_seconds_waiting: float
    capacity_requests_per_second: float
    capacity_from: str
    calibrated_at_requests_per_second: float
    calibrated_to: str
    measured: Percentiles
    simulated: Percentiles


class Assumptions(Model):
    """What no profile knows; the times are from the order of a pod until it is ready, and how late metrics are."""

    pod_seconds: float
    scheduled_seconds: float
    metrics_delay_seconds: float
    scale_down_window_seconds: float
    request_timeout_seconds: float | None
    node: Node
    balance: Balance
    replicas_per_node: int
    nodes_lost_at_seconds: list[float]
    node_mtbf_seconds: float | None
    seed: int


class PointFacts(Model):
    """A stretch of the course, from `seconds` on."""

    seconds: float
    requests_per_second: float
    refused_per_second: float
    replicas: float
    ready_replicas: float
    p50_seconds: float | None
    p99_seconds: float | None


class SettingFacts(Model):
    """One setting and what came of it. `value` is in replicas, per cent, requests/s or requests under way.

    `objective_latency_seconds` is the percentile that the objective speaks of, p99 where there is no SLO. `cost` is in
    the unit of the prices, or in replica-hours; `within_objective` is the share of the requests that were answered in
    time, or at all where there is no SLO. `refused` counts all that was not answered, or
    later than the client's own deadline. There are `points` for the cheapest setting of each kind alone.
    """

    name: str
    kind: Kind
    value: float
    least_replicas: int
    most_replicas: int
    requests: float
    refused: float
    refused_share: float
    latency_seconds: Percentiles
    objective_latency_seconds: float | None
    within_objective: float
    kept: bool
    chosen: bool
    replica_hours: float
    node_hours: float
    cost: float
    cost_per_million_requests: float | None
    points: list[PointFacts]


class PlanAnswer(Model):
    """The cheapest of the settings that keep the objective is `chosen`, if there is one."""

    schema_version: Literal["1"] = "1"
    profile: ProfileFacts
    traffic: TrafficFacts
    replica: ReplicaFacts
    assumptions: Assumptions
    least_replicas: int
    most_replicas: int
    objective: str
    objective_seconds: float | None
    objective_share: float
    compared_by: Literal["price", "replica-hours"]
    settings: list[SettingFacts]
    warnings: list[str]
    notes: list[str]

    @property
    def best(self) -> SettingFacts | None:
        """The chosen one."""
        return next((setting for setting in self.settings if setting.chosen), None)


def best_of_each_kind(settings: Sequence[SettingFacts]) -> list[SettingFacts]:
    """The cheapest that keeps the objective, or, where none of the kind does, the one that comes nearest."""
    kinds = ([setting for setting in settings if setting.kind == kind] for kind in get_args(Kind))
    return [min(some, key=_merit) for some in kinds if some]


def _merit(setting: SettingFacts) -> tuple[bool, float]:
    return not setting.kept, setting.cost if setting.kept else -setting.within_objective
