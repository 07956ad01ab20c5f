"""What is left of a node, compared with what the providers publish and with what real nodes reported.

The real ones are from `kubectl describe node` in public: an AKS node of 4 vCPUs and 32 GiB (Kubernetes 1.30, Azure CNI
Overlay), an EKS g4dn.xlarge (1.34, Amazon Linux 2023), and the e2-standard-4 of GKE's own page on node sizes.
"""

from __future__ import annotations

import pytest

from plimsoll.deploy.fit.node import NodeType, Provider
from plimsoll.deploy.fit.reserved import DaemonSets, Overrides, allocatable, daemon_sets, free_for_replicas
from plimsoll.profiling.advice.rounding import GIBIBYTE, MEBIBYTE

KIBIBYTE = 1 << 10
UNSEEN = 0.075


def node(provider: Provider, vcpu: float = 4, gib: float = 16, **more: object) -> NodeType:
    return NodeType(name="n", vcpu=vcpu, memory_bytes=int(gib * GIBIBYTE), provider=provider, **more)  # type: ignore[arg-type]


def reserved_bytes(of: NodeType) -> float:
    """By the formula and the eviction threshold; without the part that no kernel sees."""
    return of.memory_bytes * (1 - UNSEEN) - allocatable(of).memory_bytes


@pytest.mark.parametrize(
    ("cores", "millicores"), [(1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740)]
)
def test_cpu_of_aks_is_that_of_its_table(cores: int, millicores: int) -> None:
    assert allocatable(node("azure", cores)).millicores == cores * 1000 - millicores


@pytest.mark.parametrize("provider", ["aws", "gcp"])
@pytest.mark.parametrize(("cores", "left"), [(1, 940), (2, 1930), (4, 3920), (8, 7910), (16, 15890), (32, 31850)])
def test_cpu_of_eks_and_gke(provider: Provider, cores: int, left: int) -> None:
    """As their nodes report: 940m for one core (n1-standard-1), 1930m, 3920m, 7910m, 15890m."""
    assert allocatable(node(provider, cores)).millicores == left


def test_memory_of_aks_is_that_of_its_examples() -> None:
    """20 MB a pod and 50 MB, or a quarter; plus 100 Mi. The page's MB are MiB, as the real node below shows."""
    assert reserved_bytes(node("azure", 2, 8, max_pods=30)) == pytest.approx((650 + 100) * MEBIBYTE, abs=1)
    assert reserved_bytes(node("azure", 2, 4, max_pods=70)) == pytest.approx((1024 + 100) * MEBIBYTE, abs=1)


def test_memory_of_gke_is_that_of_its_calculator() -> None:
    """github.com/hatemosphere/gke-node-allocatable-memory-calculator: 9.8577 GiB of 150."""
    assert reserved_bytes(node("gcp", 32, 150)) / GIBIBYTE == pytest.approx(9.8577, abs=1e-4)


@pytest.mark.parametrize(
    ("of", "millicores", "capacity_kib", "allocatable_kib"),
    [
        (node("azure", 4, 32), 3860, 32_865_016, 27_591_416),
        (node("aws", 4, 16, max_pods=29), 3920, 16_164_852, 15_474_676),
    ],
    ids=["AKS", "EKS"],
)
def test_real_nodes_reserve_to_the_byte_what_the_formula_says(
    of: NodeType, millicores: int, capacity_kib: int, allocatable_kib: int
) -> None:
    assert allocatable(of).millicores == millicores
    assert reserved_bytes(of) == pytest.approx((capacity_kib - allocatable_kib) * KIBIBYTE, abs=1)


@pytest.mark.parametrize(
    ("of", "allocatable_kib"),
    [
        (node("azure", 4, 32), 27_591_416),
        (node("aws", 4, 16, max_pods=29), 15_474_676),
        (node("gcp", 4, 16), 13_498_416),
    ],
    ids=["AKS", "EKS", "GKE"],
)
def test_a_real_node_has_as_much_memory_and_at_most_a_tenth_more(of: NodeType, allocatable_kib: int) -> None:
    assert 0.9 * allocatable_kib * KIBIBYTE <= allocatable(of).memory_bytes <= allocatable_kib * KIBIBYTE


def test_a_kubelet_as_it_comes_keeps_its_eviction_threshold_alone() -> None:
    free = free_for_replicas(node("none"), Overrides())
    assert (free.millicores, free.memory_bytes, free.pods) == (4000, 16 * GIBIBYTE - 100 * MEBIBYTE, 110)


def test_what_a_node_has_reported_stands_in_for_the_formula() -> None:
    known = node("aws", max_pods=58, allocatable_cores=3.5, allocatable_bytes=10 * GIBIBYTE)
    free = allocatable(known)
    assert (free.millicores, free.memory_bytes, free.pods) == (3500, 10 * GIBIBYTE, 58)
    # DaemonSets are still to come off.
    assert free_for_replicas(known, Overrides()).millicores == 3350


def test_daemonsets_of_the_users_own() -> None:
    own = Overrides(daemon_millicores=1000, daemon_bytes=GIBIBYTE, max_pods=20)
    assert daemon_sets("gcp", own) == DaemonSets(millicores=1000, memory_bytes=GIBIBYTE, pods=8)
    free = free_for_replicas(node("gcp"), own)
    assert (free.millicores, free.pods) == (2920, 12)


def test_a_node_that_daemonsets_fill_has_nothing_left() -> None:
    free = free_for_replicas(node("azure", 1, 1), Overrides(daemon_millicores=5000, daemon_bytes=GIBIBYTE, max_pods=3))
    assert (free.millicores, free.memory_bytes, free.pods) == (0, 0, 0)


def test_more_pods_cost_memory() -> None:
    """Azure CNI with 30 pods a node instead of Overlay's 250: 4.4 GiB more for replicas."""
    many, few = (free_for_replicas(node("azure", 4, 32), Overrides(max_pods=pods)) for pods in (250, 30))
    assert few.memory_bytes - many.memory_bytes == 220 * 20 * MEBIBYTE
