"""How the server is laid out, and what a replica costs.

The price is in cores: the one measure in which configurations, and GPUs against CPUs, are compared.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from plimsoll.settings.resolution import as_flags

# Public price lists of three big clouds in 2025 ask for one core about as much as for 8 GB.
_GB_PER_CORE = 8.0
CORES_PER_GPU = 8.0
"""Roughly, where the user names no price; without one, fuller use of a card would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """`max_batch_size` is None where the script alone decides, or takes no batches."""

    workers: int
    threads: int = 1
    max_batch_size: int | None = None

    @property
    def slots(self) -> int:
        """Calls, or batches of calls, that run at once."""
        return self.workers * self.threads

    def arguments(self) -> list[str]:
        """For the server's command line; of a flag that is given twice the last counts."""
        layout = dataclasses.asdict(self).items()
        return [part for name, value in layout for part in as_flags(name, value)]

    def __str__(self) -> str:
        parts = [counted(self.workers, "worker")]
        parts += [f"{self.threads} threads{' each' * (self.workers > 1)}"] if self.threads > 1 else []
        parts += [f"batches of at most {self.max_batch_size}"] if self.max_batch_size is not None else []
        return ", ".join(parts)


def counted(number: float, noun: str) -> str:
    """`1 core`, `1.5 cores`."""
    return f"{number:g} {noun}{'s' * (number != 1)}"


def price_cores(cores: float, memory_bytes: float, gpus: float = 0.0, cores_per_gpu: float = CORES_PER_GPU) -> float:
    """One replica; a slice of a GPU counts as its part."""
    return cores + memory_bytes / 1e9 / _GB_PER_CORE + gpus * cores_per_gpu
