"""What all parts of the result have in common: camelCase in JSON, frozen, nothing unforeseen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.latency import MOST_FAILED_SHARE, Distribution, needed_for

_UNITS = {"gb": "GB"}
_FEW = f"{MOST_FAILED_SHARE:.0%}"
TOO_MANY_FAILED = f"more than {_FEW} of the requests failed"
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
TOO_FEW_REQUESTS = {
    name: f"needs {needed_for(share)} successful requests, and at most {_FEW} that failed"
    for name, share in _PERCENTILES.items()
}


def camel(name: str) -> str:
    """`recommended_memory_in_gb` → `recommendedMemoryInGB`."""
    first, *rest = name.split("_")
    return first + "".join(_UNITS.get(word, word.capitalize()) for word in rest)


class Model(BaseModel):
    """A part of `profile.json`.

    Most are what a phase answers. Others take what has the same name from what was found, see `of`.
    """

    model_config = ConfigDict(
        alias_generator=camel, validate_by_name=True, validate_by_alias=True, frozen=True, extra="forbid"
    )

    null_because: ClassVar[Mapping[str, str]] = {}
    """Why a field is null or empty, by its name; no text where that is itself the answer. `*` goes for all others, and
    for what is below them."""

    def why_null(self, name: str) -> str | None:
        """As `null_because` says, or as the other fields do."""
        return self.null_because.get(name)

    @classmethod
    def of(cls, found: object, **others: Any) -> Self:
        """Each field from `others`, else from the attribute of the same name."""
        names = (name for name in cls.model_fields if name not in others and hasattr(found, name))
        return cls(**others, **{name: getattr(found, name) for name in names})


class LatencySeconds(Model):
    """A percentile is null where fewer requests were made than it needs; all are where over 1 % failed.

    `mean` and `max` are of successful requests, percentiles of all: one that failed is slower than any answer.
    """

    null_because: ClassVar[Mapping[str, str]] = {"mean": TOO_MANY_FAILED, "max": TOO_MANY_FAILED} | TOO_FEW_REQUESTS

    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None

    @classmethod
    def over(cls, latency: Distribution) -> Self:
        """Percentiles as far as the number of requests allows; nothing where too many of them failed."""
        if latency.withheld:
            return cls()
        percentiles = {name: latency.percentile_s(share) for name, share in _PERCENTILES.items()}
        return cls(mean=latency.mean_s(), max=latency.max_s(), **percentiles)


class CoresUsed(Model):
    """CPU of the server's process tree; percentile and maximum over samples of half a second."""

    null_because: ClassVar[Mapping[str, str]] = {"*": "the level was too short for a sample"}

    mean: float
    p95: float | None
    max: float | None


class LevelMemory(Model):
    """After the level and at its peak; `high_water_sum_bytes`, the sum of all high-water marks, bounds both.

    `pss_bytes` is the sum of PSS, except that files which processes outside the server map too count in full.
    """

    pss_bytes: int | None
    peak_bytes: int | None
    high_water_sum_bytes: int | None

    @classmethod
    def held(cls, memory: GroupMemory) -> Self:
        """Nothing at all is held by a server that could not be looked into."""
        return cls(
            pss_bytes=memory.held_bytes or None,
            peak_bytes=memory.peak_bytes or None,
            high_water_sum_bytes=memory.high_water_sum_bytes or None,
        )
