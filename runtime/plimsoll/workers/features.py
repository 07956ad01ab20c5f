"""What a loaded script is like, as far as the front has to know."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """run() takes up to `max_size` calls at once; a free slot waits up to `max_wait_s` for that many."""

    max_size: int
    max_wait_s: float


@dataclass(frozen=True, slots=True)
class Features:
    """`needs_head`: run() looks at headers. `metadata`: what it says of itself, by contract."""

    needs_head: bool = True
    batch: BatchLimits | None = None
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_message(cls, message: dict[str, Any], max_batch_size: int | None = None) -> Features:
        """As the worker says; its batches no bigger than `max_batch_size`, where that is given."""
        batch = BatchLimits(**message["batch"]) if message["batch"] else None
        if batch is not None and max_batch_size is not None:
            batch = replace(batch, max_size=min(batch.max_size, max_batch_size))
        return cls(message["needs_head"], batch, message["metadata"])
