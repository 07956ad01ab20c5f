"""What all parts of the result have in common: camelCase in JSON, frozen, nothing unforeseen."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

_UNITS = {"gb": "GB"}


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

    @classmethod
    def of(cls, found: object, **others: Any) -> Self:
        """Each field from `others`, else from the attribute of the same name."""
        names = (name for name in cls.model_fields if name not in others and hasattr(found, name))
        return cls(**others, **{name: getattr(found, name) for name in names})


class LatencySeconds(Model):
    """A percentile is null where fewer requests were made than it needs; all are where over 1 % failed.

    `mean` and `max` are of successful requests, percentiles of all: one that failed is slower than any answer.
    """

    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None


class CoresUsed(Model):
    """CPU of the server's process tree; percentile and maximum over samples of half a second."""

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
