"""What is known of the server on fewer CPUs."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.profiling.capacity import Capacity
from plimsoll.profiling.rates import RateLevel
from plimsoll.profiling.start import Startup


@dataclass(frozen=True, slots=True)
class Size:
    """One number of CPUs; `level` is the open loop at the rate that this size would carry."""

    cpus: int
    startup: Startup
    capacity: Capacity
    level: RateLevel
