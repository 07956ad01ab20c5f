"""What is known of the server on fewer CPUs, or in another shape."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.open_loop import RateLevel
from plimsoll.profiling.phases.start import Startup


@dataclass(frozen=True, slots=True)
class Size:
    """One number of CPUs and one shape; `level` is the open loop at the rate that this size would carry.

    `method` says how the server was held to the CPUs: by how many it was let run on, or by a quota.
    """

    cpus: float
    configuration: Configuration
    startup: Startup
    capacity: Capacity
    level: RateLevel
    method: Literal["affinity", "quota"] = "affinity"

    def with_level(self, level: RateLevel) -> Size:
        """The same with another open-loop level."""
        return dataclasses.replace(self, level=level)

    def peak_bytes(self) -> int:
        """The highest peak after the start."""
        memories = [level.memory for level in self.capacity.levels] + [self.level.memory]
        return max(memory.total.peak_bytes for memory in memories)


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The second best shape; `price_ratio` is what it would cost against the best."""

    configuration: Configuration
    request_cores: float
    memory_bytes: int
    carries_rps: float
    replicas: int | None
    price_ratio: float
