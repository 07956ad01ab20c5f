"""What is left of a node for replicas: its provider's kubelet reservations, eviction threshold and DaemonSets are not.

GKE:  https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes
AKS:  https://learn.microsoft.com/azure/aks/node-resource-reservations (1.29 and later)
EKS:  https://github.com/awslabs/amazon-eks-ami, nodeadm/internal/kubelet (the same as its bootstrap.sh)
none: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction (the kubelet's own default)

DaemonSets are those that `kubectl describe node` lists on a fresh cluster: AKS 1.30 (azure-cns, azure-ip-masq-agent,
cloud-node-manager, csi-azuredisk-node, csi-azurefile-node, kube-proxy), EKS 1.34 (aws-node, kube-proxy), GKE 1.29
(fluentbit-gke, gke-metadata-server, gke-metrics-agent, gmp collector, ip-masq-agent, kube-proxy, netd, pdcsi-node).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plimsoll.deploy.fit.node import NodeType, Provider
from plimsoll.profiling.advice.rounding import GIBIBYTE, MEBIBYTE

Steps = tuple[tuple[float, float], ...]
"""Up to so much, this share: as income tax is reckoned."""

# GKE and EKS: 6 % of the first core, 1 % of the next, 0.5 % of the next two, 0.25 % of the others.
_CPU_OF_GKE_AND_EKS: Steps = ((1, 0.06), (2, 0.01), (4, 0.005), (math.inf, 0.0025))
# AKS publishes a table: 60, 100, 140, 180, 260, 420, 740 millicores for 1, 2, 4, 8, 16, 32, 64 cores.
_CPU_OF_AKS: Steps = ((1, 0.06), (2, 0.04), (4, 0.02), (math.inf, 0.01))
_MEMORY_OF_GKE: Steps = tuple(
    (gib * GIBIBYTE, share) for gib, share in ((4, 0.25), (8, 0.20), (16, 0.10), (128, 0.06), (math.inf, 0.02))
)
_EVICTION_BYTES = 100 * MEBIBYTE
# What firmware and kernel keep of the memory that is sold, where no node can be asked: Karpenter's
# vmMemoryOverheadPercent. On nodes that were looked at it was 2 to 4 %, on small ones up to 7 %.
_UNSEEN_SHARE = 0.075


@dataclass(frozen=True, kw_only=True)
class DaemonSets:
    """What they request on every node."""

    millicores: int
    memory_bytes: int
    pods: int


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """`memory` takes the node's bytes and its most pods; `max_pods` is for tables that say nothing."""

    service: str
    cpu: Steps
    memory: Callable[[int, int], float]
    unseen_share: float
    max_pods: int
    daemons: DaemonSets


@dataclass(frozen=True)
class Free:
    """For replicas, on an otherwise empty node."""

    millicores: int
    memory_bytes: int
    gpus: int
    pods: int


def _taxed(amount: float, steps: Steps) -> float:
    kept, lower = 0.0, 0.0
    for upper, share in steps:
        kept += max(0.0, min(amount, upper) - lower) * share
        lower = upper
    return kept


def _memory_of_aks(memory_bytes: int, pods: int) -> float:
    """The lesser of 20 MiB a pod and 50 MiB, and a quarter."""
    return min((20 * pods + 50) * MEBIBYTE, memory_bytes / 4)


RESERVATIONS: Mapping[Provider, Reservation] = {
    "azure": Reservation(
        service="AKS",
        cpu=_CPU_OF_AKS,
        memory=_memory_of_aks,
        unseen_share=_UNSEEN_SHARE,
        max_pods=250,
        daemons=DaemonSets(millicores=350, memory_bytes=470 * MEBIBYTE, pods=6),
    ),
    "aws": Reservation(
        service="EKS",
        cpu=_CPU_OF_GKE_AND_EKS,
        memory=lambda _, pods: (255 + 11 * pods) * MEBIBYTE,
        unseen_share=_UNSEEN_SHARE,
        max_pods=110,
        daemons=DaemonSets(millicores=150, memory_bytes=0, pods=2),
    ),
    "gcp": Reservation(
        service="GKE",
        cpu=_CPU_OF_GKE_AND_EKS,
        memory=lambda memory_bytes, _: _taxed(memory_bytes, _MEMORY_OF_GKE),
        unseen_share=_UNSEEN_SHARE,
        max_pods=110,
        daemons=DaemonSets(millicores=360, memory_bytes=500 * MEBIBYTE, pods=8),
    ),
    "none": Reservation(
        service="a kubelet as it comes",
        cpu=(),
        memory=lambda _memory, _pods: 0.0,
        unseen_share=0.0,
        max_pods=110,
        daemons=DaemonSets(millicores=0, memory_bytes=0, pods=0),
    ),
}


@dataclass(frozen=True)
class Overrides:
    """What the user knows better; None: as the provider."""

    daemon_millicores: int | None = None
    daemon_bytes: int | None = None
    max_pods: int | None = None


def allocatable(node: NodeType, max_pods: int | None = None) -> Free:
    """As `kubectl get node` shows it, rounded down to millicores."""
    rule = RESERVATIONS[node.provider]
    pods = max_pods or node.max_pods or rule.max_pods
    cores, memory_bytes = node.allocatable_cores, node.allocatable_bytes
    if cores is None:
        cores = node.vcpu - _taxed(node.vcpu, rule.cpu)
    if memory_bytes is None:
        seen_bytes = node.memory_bytes * (1 - rule.unseen_share)
        memory_bytes = math.floor(seen_bytes - rule.memory(node.memory_bytes, pods) - _EVICTION_BYTES)
    # 3.92 cores are 3919.9999… millicores in binary.
    return Free(math.floor(cores * 1000 + 1e-6), memory_bytes, node.gpu_count, pods)


def daemon_sets(provider: Provider, known: Overrides) -> DaemonSets:
    usual = RESERVATIONS[provider].daemons
    return DaemonSets(
        millicores=usual.millicores if known.daemon_millicores is None else known.daemon_millicores,
        memory_bytes=usual.memory_bytes if known.daemon_bytes is None else known.daemon_bytes,
        pods=usual.pods,
    )


def free_for_replicas(node: NodeType, known: Overrides) -> Free:
    """Never below nothing: DaemonSets may want more than a small node has."""
    free, daemons = allocatable(node, known.max_pods), daemon_sets(node.provider, known)
    return Free(
        max(0, free.millicores - daemons.millicores),
        max(0, free.memory_bytes - daemons.memory_bytes),
        free.gpus,
        max(0, free.pods - daemons.pods),
    )
