"""Puts the answer together."""

from __future__ import annotations

from plimsoll.deploy.fit.answer import (
    ConfigurationFit,
    FitAnswer,
    MeasuredFacts,
    ObjectiveFacts,
    PartFacts,
    PoolFacts,
    ReplicaFacts,
)
from plimsoll.deploy.fit.doubts import cheaper_runner_up, counted_out, warnings
from plimsoll.deploy.fit.fitting import Fit, FitOptions, Market, fit_best, fit_runner_up, market, target
from plimsoll.deploy.fit.objective import check_objective
from plimsoll.deploy.fit.pool import Offer, Pool
from plimsoll.deploy.fit.processor import gpu_likeness, likeness
from plimsoll.deploy.fit.spread import replicas_to_run
from plimsoll.deploy.fit.table import read_nodes
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.profiling.result.profile import Profile


def answer(needs: ReplicaNeeds, profile: Profile, options: FitOptions) -> FitAnswer:
    """Raises UsageError, TableError, NothingFits."""
    rate_rps, facts = target(needs, profile, options), _profile_facts(needs, profile)
    offered = market(read_nodes(options.nodes), facts.gpu_name, options)
    best = fit_best(needs, rate_rps, options, offered)
    second = fit_runner_up(needs, profile, best, options, offered)
    objective = check_objective(options.slo, profile) if options.slo else None
    shown = _configuration(best, options, offered, facts)
    shown_second = _configuration(second, options, offered, facts) if second else None
    types = [offer.room.node for pool in best.pools[: options.top] for offer, _ in pool.parts]
    return FitAnswer(
        profile=facts,
        nodes=options.nodes,
        target_requests_per_second=rate_rps,
        spare_nodes=options.spare_nodes,
        compared_by=offered.currency,
        best=shown,
        runner_up=shown_second,
        objective=ObjectiveFacts(met=objective.met, sentence=objective.sentence) if objective else None,
        warnings=list(warnings(shown.pools[0], facts, needs, options, objective)),
        notes=[*cheaper_runner_up(shown, shown_second), *counted_out(types, options), *offered.notes],
    )


def _profile_facts(needs: ReplicaNeeds, profile: Profile) -> MeasuredFacts:
    measured = profile.measurements.gpu
    gpus = [device.name for device in measured.devices] if needs.gpu and measured else []
    return MeasuredFacts.of(
        needs,
        name=needs.profile_name,
        requests_per_second=needs.rate_rps,
        gpu_name=gpus[0] if gpus else None,
    )


def _configuration(fit: Fit, options: FitOptions, offered: Market, facts: MeasuredFacts) -> ConfigurationFit:
    replica = fit.replica
    return ConfigurationFit(
        workers=fit.configuration.workers,
        threads=fit.configuration.threads,
        max_batch_size=fit.configuration.max_batch_size,
        requests_per_second=fit.carries_rps,
        replicas_needed=fit.demand.replicas,
        replica=ReplicaFacts(
            packed_by="limit" if options.guaranteed else "request",
            cpu_cores=replica.millicores / 1000,
            memory_bytes=replica.memory_bytes,
            gpus=replica.gpus,
            gpu_memory_bytes=replica.gpu_memory_bytes,
            mig_profile=replica.mig_profile,
            limit_cores=fit.limit_cores,
        ),
        pools=[_pool(pool, fit, offered, facts) for pool in fit.pools[: options.top]],
        nothing_fits=fit.nothing_fits,
    )


def _pool(pool: Pool, fit: Fit, offered: Market, facts: MeasuredFacts) -> PoolFacts:
    demand, replica = fit.demand, fit.replica
    running = replicas_to_run(demand.replicas, pool.rooms, demand.spare_nodes)
    free = [(offer.room.free, count) for offer, count in pool.parts]
    price = pool.price if offered.currency == "price" else None
    return PoolFacts(
        parts=[_part(offer, count, facts) for offer, count in pool.parts],
        nodes=pool.nodes,
        replicas=running,
        used_cpu_share=running * replica.millicores / sum(one.millicores * count for one, count in free),
        used_memory_share=running * replica.memory_bytes / sum(one.memory_bytes * count for one, count in free),
        size_cores=sum(offer.room.node.size_cores * count for offer, count in pool.parts),
        price_per_hour=price,
        price_per_million_requests=None if price is None else _per_million(price, demand.rate_rps),
    )


def _part(offer: Offer, count: int, facts: MeasuredFacts) -> PartFacts:
    room, node = offer.room, offer.room.node
    return PartFacts(
        node=node.name,
        count=count,
        replicas_per_node=room.fits,
        full_by=room.bound,
        vcpu=node.vcpu,
        memory_bytes=node.memory_bytes,
        free_cores=room.free.millicores / 1000,
        free_memory_bytes=room.free.memory_bytes,
        gpu=node.gpu,
        gpu_count=node.gpu_count,
        processor=node.processor,
        processor_is=likeness(facts.cpu_model, node.processor),
        gpu_is=gpu_likeness(facts.gpu_name, node.gpu) if facts.gpu_name and node.gpu else None,
        price_per_hour=node.price_per_hour,
    )


def _per_million(price_per_hour: float, rate_rps: float) -> float:
    return price_per_hour / (rate_rps * 3600) * 1e6
