"""A type of node: what a table says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plimsoll.profiling.advice.configuration import price_cores

Provider = Literal["azure", "aws", "gcp", "none"]
"""Whose reservations a node has; `none` is a kubelet as it comes (kubeadm, k3s, bare metal)."""


@dataclass(frozen=True, kw_only=True)
class NodeType:
    """None where the table says nothing.

    `gpu_memory_bytes` is of each GPU, `max_pods` what the kubelet accepts. `allocatable_*` are what such a node really
    reported (`kubectl get node`): they stand in for the provider's formula.
    """

    name: str
    vcpu: float
    memory_bytes: int
    provider: Provider = "none"
    gpu: str | None = None
    gpu_count: int = 0
    gpu_memory_bytes: int | None = None
    processor: str | None = None
    max_pods: int | None = None
    price_per_hour: float | None = None
    allocatable_cores: float | None = None
    allocatable_bytes: int | None = None

    @property
    def size_cores(self) -> float:
        """For comparison without prices: 8 GB of memory count as one core, a GPU as eight, as in a profile."""
        return price_cores(self.vcpu, self.memory_bytes, self.gpu_count)
