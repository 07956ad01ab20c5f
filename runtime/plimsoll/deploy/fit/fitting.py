"""From a profile and a table of nodes to pools, ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.pool import Offer, Pool, ranked
from plimsoll.deploy.fit.processor import gpu_likeness
from plimsoll.deploy.fit.replica import Demand, Replica, described, of_runner_up, recommended
from plimsoll.deploy.fit.reserved import Overrides
from plimsoll.deploy.fit.room import Room, lacks, nearest
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.errors import NothingFits, UsageError
from plimsoll.profiling.advice.configuration import Configuration, counted
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.result.profile import Profile

_REMEDY = "use another table, or profile smaller replicas: --max-cpu, --max-memory-gb, fewer --workers"


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Either `target_rps` or `replicas`; with neither, the profile's own target counts.

    `spare_nodes` may be lost without harm. `guaranteed` packs by limits, as Kubernetes does for pods whose requests
    are their limits. `any_gpu` also takes types with another GPU than the one measured. `top` pools are shown.
    """

    nodes: str
    target_rps: float | None = None
    replicas: int | None = None
    slo: Slo | None = None
    spare_nodes: int = 1
    guaranteed: bool = False
    any_gpu: bool = False
    known: Overrides = field(default_factory=Overrides)
    top: int = 5


@dataclass(frozen=True)
class Fit:
    """The pools for one configuration of the server, the cheapest first; none where `nothing_fits` says why."""

    configuration: Configuration
    replica: Replica
    demand: Demand
    limit_cores: float | None
    carries_rps: float
    pools: Sequence[Pool]
    nothing_fits: str | None = None


@dataclass(frozen=True)
class Market:
    """The types that may be used, and what they are compared by; notes say which were left out, and why."""

    nodes: Sequence[NodeType]
    currency: Literal["price", "size"]
    gpu_name: str | None
    notes: Sequence[str]

    def price(self, node: NodeType) -> float:
        return node.size_cores if self.currency == "size" else node.price_per_hour or 0.0


def market(nodes: Sequence[NodeType], gpu_name: str | None, options: FitOptions) -> Market:
    """Types without a price are left out where others have one, and other GPUs than the one measured."""
    notes: list[str] = []
    left = [node for node in nodes if options.any_gpu or not _other_gpu(node, gpu_name)]
    if len(left) < len(nodes):
        out = counted(len(nodes) - len(left), "type")
        notes.append(f"left out: {out} with another GPU than the one measured, {gpu_name} (--any-gpu)")
    priced = [node for node in left if node.price_per_hour is not None]
    if priced and len(priced) < len(left):
        notes.append(f"left out: {counted(len(left) - len(priced), 'type')} without a price")
    return Market(priced or left, "price" if priced else "size", gpu_name, notes)


def _other_gpu(node: NodeType, gpu_name: str | None) -> bool:
    return gpu_likeness(gpu_name, node.gpu) == "other"


def target(needs: ReplicaNeeds, profile: Profile, options: FitOptions) -> float:
    """Requests/s that must be carried whatever is lost."""
    if options.target_rps is not None and options.replicas is not None:
        raise UsageError("--target-rps and --replicas exclude each other")
    if options.replicas is not None:
        return options.replicas * needs.rate_rps
    found = options.target_rps or profile.settings.target_requests_per_second
    if found is None:
        raise UsageError("for which rate? The profile has no target either", remedy="give --target-rps or --replicas")
    return found


def fit_best(needs: ReplicaNeeds, rate_rps: float, options: FitOptions, offered: Market) -> Fit:
    """Raises NothingFits."""
    replica = recommended(needs, options.guaranteed)
    count = options.replicas or needs.replicas_for(rate_rps)
    demand = Demand(replica, count, rate_rps, options.spare_nodes)
    layout = Configuration(needs.workers, needs.threads, needs.max_batch_size)
    pools = _pools(demand, options, offered)
    return Fit(layout, replica, demand, needs.limit_cores, needs.rate_rps, pools)


def fit_runner_up(needs: ReplicaNeeds, profile: Profile, best: Fit, options: FitOptions, offered: Market) -> Fit | None:
    """None where the profile has none; its limit was not tried, so it cannot be packed by that."""
    second = profile.recommendation.runner_up
    if second is None or options.guaranteed:
        return None
    replica, shared_rps = of_runner_up(second, best.replica), profile.settings.target_requests_per_second
    # Its cores are for its share of the profile's target, not for the most that it carries.
    carries_rps = shared_rps / second.replicas if shared_rps and second.replicas else second.max_requests_per_second
    rate_rps = best.demand.rate_rps
    count = replace(needs, rate_rps=carries_rps).replicas_for(rate_rps)
    demand = Demand(replica, count, rate_rps, options.spare_nodes)
    layout = Configuration(second.workers, second.threads, second.max_batch_size)
    try:
        return Fit(layout, replica, demand, None, carries_rps, _pools(demand, options, offered))
    except NothingFits as error:
        return Fit(layout, replica, demand, None, carries_rps, (), error.message)


def _pools(demand: Demand, options: FitOptions, offered: Market) -> list[Pool]:
    rooms = [Room.on(node, demand.replica, options.known) for node in offered.nodes]
    offers = [Offer(room, offered.price(room.node)) for room in rooms if room.fits]
    if not offers:
        why = "; ".join([_why_none(demand.replica, rooms, offered.gpu_name), *offered.notes])
        what = f"--nodes {options.nodes}: no type has room for a replica of {described(demand.replica)}"
        raise NothingFits(f"{what}: {why}", remedy=_REMEDY)
    return ranked(offers, demand, mixed=offered.currency == "price")


def _why_none(replica: Replica, rooms: Sequence[Room], gpu_name: str | None) -> str:
    if replica.gpus and not any(room.node.gpu_count for room in rooms):
        return f"none has the GPU that was measured, {gpu_name}" if gpu_name else "none has a GPU"
    closest = nearest(rooms, replica)
    return f"the nearest, {closest.node.name}, lacks {lacks(closest, replica)}"
