"""What a loaded script is like, as far as the front has to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """run() takes up to `max_size` calls at once; a free slot waits up to `max_wait_s` for that many."""

    max_size: int
    max_wait_s: float

    def capped(self, max_size: int | None) -> BatchLimits:
        """No more than this many, where it is given."""
        return self if max_size is None else BatchLimits(min(self.max_size, max_size), self.max_wait_s)


@dataclass(frozen=True, slots=True)
class Features:
    """`needs_head`: run() looks at headers. `swaggers`: descriptions of the API by version."""

    needs_head: bool = True
    batch: BatchLimits | None = None
    swaggers: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Features:
        batch = BatchLimits(**message["batch"]) if message["batch"] else None
        return cls(message["needs_head"], batch, message["swaggers"])
