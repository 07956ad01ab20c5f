"""Which CPUs the server and the driver may use.

From four usable CPUs on, the driver and this process keep the last one and the server gets the rest, so that they
do not disturb each other. With fewer nobody is pinned: taking one of two CPUs away would measure another machine,
and CPU per request, from which the recommendation is made, does not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

PINNING_FROM_CPUS = 4


@dataclass(frozen=True, slots=True)
class Placement:
    """CPU numbers; None leaves the affinity alone."""

    server: tuple[int, ...] | None
    driver: tuple[int, ...] | None


def place(allowed_cpus: Sequence[int], max_cores: float | None) -> Placement:
    """`max_cores` also bounds the server's CPUs: it is the size of the biggest machine that is allowed."""
    cpus = tuple(allowed_cpus)
    driver = cpus[-1:] if len(cpus) >= PINNING_FROM_CPUS else None
    server = cpus[:-1] if driver else cpus
    if max_cores is not None:
        server = server[: max(1, math.ceil(max_cores))]
    return Placement(server if len(server) < len(cpus) else None, driver)
