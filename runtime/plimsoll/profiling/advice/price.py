"""What a replica costs, in cores: the one measure in which shapes, and GPUs against CPUs, are compared."""

from __future__ import annotations

# Public price lists of three big clouds in 2025 ask for one core about as much as for 8 GB.
_GB_PER_CORE = 8.0
CORES_PER_GPU = 8.0
"""Roughly, where the user names no price; without one, fuller use of a card would be worth nothing."""


def price_cores(cores: float, memory_bytes: float, gpus: float = 0.0, cores_per_gpu: float = CORES_PER_GPU) -> float:
    """One replica; a slice of a GPU counts as its part."""
    return cores + memory_bytes / 1e9 / _GB_PER_CORE + gpus * cores_per_gpu
