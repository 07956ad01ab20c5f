"""Stalls in `profile.json`: times at which the server stood still. Seconds; null where it is not known, and why."""

from __future__ import annotations

from typing import Literal

from plimsoll.profiling.result.base import Model

WhoStoodStill = Literal["worker", "front", "all"]
_WHO = {"worker": "a model worker", "front": "the HTTP front", "all": "front and workers"}


class StallResult(Model):
    """Requests were stuck for so long, though neither what they cost nor a queue explains it.

    `count` stalls of about `length_seconds` (the median) were seen in `observed_seconds` of load on this configuration,
    at `at_seconds` of the run; `answers` were late with them. `process` is what stood still. `recommended` says whether
    this configuration is the recommended one.
    """

    workers: int
    threads: int
    max_batch_size: int | None
    recommended: bool
    phases: list[str]
    length_seconds: float
    longest_seconds: float
    count: int
    observed_seconds: float
    period_seconds: float | None
    period_reason: str
    process: WhoStoodStill | None
    process_reason: str
    answers: int
    at_seconds: list[float]

    def why_null(self, name: str) -> str | None:
        """The reasons stand beside."""
        reasons = {
            "period_seconds": self.period_reason,
            "process": self.process_reason,
            "max_batch_size": "the script alone decides, or takes single calls",
        }
        return reasons.get(name)

    @property
    def who(self) -> str:
        """Of which process a report speaks."""
        return _WHO[self.process] if self.process else "the server"

    @property
    def how_often(self) -> str:
        """`about every 5 s` or `3 times in 64 s of load`."""
        if self.period_seconds is not None:
            return f"about every {self.period_seconds:.3g} s"
        return f"{self.count} time{'s' * (self.count > 1)} in {self.observed_seconds:.0f} s of load"

    @property
    def layout(self) -> str:
        """`1 worker` or `2 workers, 4 threads each`."""
        words = f"{self.workers} worker{'s' * (self.workers > 1)}"
        words += f", {self.threads} threads{' each' * (self.workers > 1)}" if self.threads > 1 else ""
        return words if self.max_batch_size is None else f"{words}, batches of at most {self.max_batch_size}"

    def sentence(self) -> str:
        """What it is in one sentence."""
        where = "" if self.recommended else f" (seen with {self.layout}, which is not what is recommended)"
        many = f" ({self.count} times in {self.observed_seconds:.0f} s of load)" if self.period_seconds else ""
        return f"{self.who} stood still for {self.length_seconds:.2g} s {self.how_often}{many}{where}"
