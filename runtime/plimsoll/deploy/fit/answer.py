"""The answer of `plimsoll fit`, in the form that programs read (`--format json`)."""

from __future__ import annotations

from typing import Literal

from plimsoll.deploy.fit.processor import Likeness
from plimsoll.deploy.profile_facts import ProfileFacts
from plimsoll.profiling.result.base import Model


class MeasuredFacts(ProfileFacts):
    """Where the replica's numbers come from."""

    requests_per_second: float
    cpu_model: str | None
    gpu_name: str | None


class ReplicaFacts(Model):
    """What one replica takes of a node. `limit_cores` is its quota, which no node sets aside."""

    packed_by: Literal["request", "limit"]
    cpu_cores: float
    memory_bytes: int
    gpus: int
    gpu_memory_bytes: int | None
    mig_profile: str | None
    limit_cores: float | None


class PartFacts(Model):
    """So many nodes of one type. What is free is free for replicas; `full_by` is used up first."""

    node: str
    count: int
    replicas_per_node: int
    full_by: Literal["cpu", "memory", "gpu", "pods"]
    vcpu: float
    memory_bytes: int
    free_cores: float
    free_memory_bytes: int
    gpu: str | None
    gpu_count: int
    processor: str | None
    processor_is: Likeness
    gpu_is: Likeness | None
    price_per_hour: float | None


class PoolFacts(Model):
    """`replicas` are to run, of which the demanded ones survive; shares are of what is free on all nodes.

    `size_cores` is what pools are compared by without prices: vCPUs, 8 GB as one, a GPU as eight.
    """

    parts: list[PartFacts]
    nodes: int
    replicas: int
    used_cpu_share: float
    used_memory_share: float
    size_cores: float
    price_per_hour: float | None
    price_per_million_requests: float | None


class ConfigurationFit(Model):
    """One configuration of the server: what it takes, and the cheapest pools for it."""

    workers: int
    threads: int
    max_batch_size: int | None
    requests_per_second: float
    replicas_needed: int
    replica: ReplicaFacts
    pools: list[PoolFacts]
    nothing_fits: str | None = None


class ObjectiveFacts(Model):
    """`met` is null where the profile does not know it."""

    met: bool | None
    sentence: str


class FitAnswer(Model):
    """`best` is the recommended configuration; `runner_up` the profile's second one."""

    schema_version: Literal["1"] = "1"
    profile: MeasuredFacts
    nodes: str
    target_requests_per_second: float
    spare_nodes: int
    compared_by: Literal["price", "size"]
    best: ConfigurationFit
    runner_up: ConfigurationFit | None
    objective: ObjectiveFacts | None
    warnings: list[str]
    notes: list[str]
