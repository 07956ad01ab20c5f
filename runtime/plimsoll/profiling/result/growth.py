"""The part of `profile.json` about memory that grows with every request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from plimsoll.profiling.result.base import Model

GrowthVerdict = Literal["none", "saturating", "growing", "unresolved"]


class GrowthResult(Model):
    """Whether memory grows with every request: the median slope, its 95 % interval, and what it rests on.

    `seconds_to_limit` is the time until what is recommended is used up, at the recommended rate.
    """

    null_because: ClassVar[Mapping[str, str]] = {
        "seconds_to_limit": "memory does not grow with every request",
        "*": "the kernel does not report the memory of the processes",
    }

    def why_null(self, name: str) -> str | None:
        """What is not known depends on the verdict."""
        if name == "seconds_to_limit" and self.verdict == "growing":
            return "the room that is left, or the rate, is not known"
        return "it was read too seldom" if self.verdict == "unresolved" else super().why_null(name)

    verdict: GrowthVerdict | None = None
    bytes_per_1000_requests: float | None = None
    lower_bytes_per_1000_requests: float | None = None
    upper_bytes_per_1000_requests: float | None = None
    readings: int | None = None
    requests: int | None = None
    seconds_to_limit: float | None = None

    @property
    def bytes_per_request(self) -> float | None:
        return None if self.bytes_per_1000_requests is None else self.bytes_per_1000_requests / 1000

    def using_up(self, room_bytes: float | None, rate_rps: float | None) -> Self:
        """With the time until so much room is used up at that rate; as it is where it does not grow."""
        if self.verdict != "growing" or not self.bytes_per_request or room_bytes is None or not rate_rps:
            return self
        return self.model_copy(update={"seconds_to_limit": room_bytes / (self.bytes_per_request * rate_rps)})
