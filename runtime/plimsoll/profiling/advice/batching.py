"""Batches: how long run() takes for b calls at once, t(b) = a · b + c, and how many calls are worth collecting.

The affine form and the rule for the largest batch under a latency objective are those of Nexus (Shen et al., SOSP
2019): a call may arrive just after a batch has begun, so that it waits for one whole batch and takes part in another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_LEAST_SPREAD = 1.5
_WORTH_DOUBLING = 1.05
_WAITED = 2.0


@dataclass(frozen=True, slots=True)
class BatchUse:
    """Batches begun and the calls in them, batches that run() answered and its time for them; cumulative."""

    max_size: int
    batches: float
    calls: float
    runs: float
    run_s: float

    def since(self, before: BatchUse) -> BatchUse:
        """What came after `before`."""
        return BatchUse(
            self.max_size,
            self.batches - before.batches,
            self.calls - before.calls,
            self.runs - before.runs,
            self.run_s - before.run_s,
        )

    @property
    def mean_size(self) -> float:
        """Calls per batch."""
        return self.calls / self.batches if self.batches else 0.0

    @property
    def mean_run_s(self) -> float:
        """Seconds inside run() per batch."""
        return self.run_s / self.runs if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class BatchFit:
    """t(b) in seconds: `call_s` for each call (a) and `batch_s` for each batch (c), neither below 0."""

    call_s: float
    batch_s: float

    def run_s(self, size: float) -> float:
        """t(size)."""
        return self.call_s * size + self.batch_s

    def rate_rps(self, size: float) -> float:
        """Calls per second of one slot that always finds full batches."""
        return size / self.run_s(size) if self.run_s(size) > 0 else 0.0


def fit_batches(uses: Iterable[BatchUse]) -> BatchFit | None:
    """Weighted least squares over levels, exact for means as t is affine. None without batches of several sizes."""
    points = [(use.mean_size, use.mean_run_s, use.runs) for use in uses if use.runs and use.batches]
    if not points or max(size for size, _, _ in points) < _LEAST_SPREAD * min(size for size, _, _ in points):
        return None
    weight = sum(runs for _, _, runs in points)
    mean_size = sum(size * runs for size, _, runs in points) / weight
    mean_s = sum(run_s * runs for _, run_s, runs in points) / weight
    spread = sum(runs * (size - mean_size) ** 2 for size, _, runs in points)
    call_s = max(0.0, sum(runs * (size - mean_size) * (run_s - mean_s) for size, run_s, runs in points) / spread)
    return BatchFit(call_s, max(0.0, mean_s - call_s * mean_size))


def best_batch_size(fit: BatchFit, max_size: int, latency_s: float | None) -> int:
    """The largest b with 2 · t(b) ≤ latency; without one, the size up to which doubling brings 5 % or more."""
    if latency_s is not None:
        fitting = [size for size in range(1, max_size + 1) if _WAITED * fit.run_s(size) <= latency_s]
        return max(fitting, default=1)
    size = 1
    while size < max_size:
        more = min(2 * size, max_size)
        if fit.rate_rps(more) < _WORTH_DOUBLING ** ((more - size) / size) * fit.rate_rps(size):
            return size
        size = more
    return size
