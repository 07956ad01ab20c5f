"""What must be said with the recommended pool: what makes it doubtful, and what was counted."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.deploy.fit.answer import ConfigurationFit, MeasuredFacts, PoolFacts
from plimsoll.deploy.fit.fitting import FitOptions
from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.objective import Objective
from plimsoll.deploy.fit.reserved import RESERVATIONS, daemon_sets
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.reports.units import number


def warnings(
    first: PoolFacts, facts: MeasuredFacts, needs: ReplicaNeeds, options: FitOptions, objective: Objective | None
) -> Iterator[str]:
    """About the first pool, which is what is recommended."""
    yield from _other_processors(first, facts)
    for part in first.parts:
        if part.gpu_is == "other":
            yield f"measured on {facts.gpu_name}, but {part.node} has {part.gpu}: its rate is another; profile there"
        if part.vcpu < needs.limit_cores:
            yield f"{part.node} has fewer vCPUs than a replica's limit of {needs.limit_cores:g} cores"
    if needs.grade == "estimated":
        yield "the profile's grade is estimated: what a replica needs was computed, not proved"
    if objective is not None and objective.met and objective.met_on_full_node is False and not options.guaranteed:
        yield f"{options.slo} was not kept where neighbours use all other CPU; --guaranteed packs by limits"


def _other_processors(pool: PoolFacts, facts: MeasuredFacts) -> Iterator[str]:
    for processor in dict.fromkeys(part.processor for part in pool.parts if part.processor_is == "other"):
        nodes = " and ".join(part.node for part in pool.parts if part.processor == processor)
        yield (
            f"measured on {facts.cpu_model}, but the processor of {nodes} is {processor}: "
            "there a request takes another amount of CPU; profile on such a node"
        )


def cheaper_runner_up(best: ConfigurationFit, second: ConfigurationFit | None) -> Iterator[str]:
    """A profile compares configurations by size; how they fit on nodes may turn that round."""
    if second is None or not second.pools:
        return
    first, other = best.pools[0], second.pools[0]
    if first.price_per_hour is not None and other.price_per_hour is not None:
        if other.price_per_hour < first.price_per_hour:
            prices = f"{number(other.price_per_hour)} an hour instead of {number(first.price_per_hour)}"
            yield f"the runner-up is cheaper on these nodes: {prices}"
    elif other.size_cores < first.size_cores:
        yield "the runner-up takes smaller pools of these nodes"


def counted_out(types: list[NodeType], options: FitOptions) -> Iterator[str]:
    """What was taken off the nodes before anything was packed, by provider."""
    for provider in sorted({node.provider for node in types}):
        rule, daemons = RESERVATIONS[provider], daemon_sets(provider, options.known)
        unseen = f", {rule.unseen_share:.1%} of the memory for firmware and kernel" if rule.unseen_share else ""
        yield (
            f"not for replicas: what {rule.service} reserves{unseen}, and on each node {daemons.millicores / 1000:g} "
            f"cores and {daemons.memory_bytes // MEBIBYTE} Mi for DaemonSets (--daemonset-cpu, --daemonset-memory)"
        )
