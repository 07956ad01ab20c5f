"""What a client says of a load."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


class LoadFailed(Exception):
    """Requests failed, so that the figures would be those of something else."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`first_ms`: to the first piece of a streamed answer, where it was looked at."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    first_ms: float | None = None


Client = Callable[[int, str, Path, str, int, int], Figures]
"""Port, path, file of the body, its content type, connections, seconds."""


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank: the least of the values that at least this share of them does not exceed."""
    if not values:
        raise ValueError("there is no percentile of no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
