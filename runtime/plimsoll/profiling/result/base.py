"""What all parts of the result have in common: camelCase in JSON, frozen, nothing unforeseen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

_UNITS = {"gb": "GB"}


def camel(name: str) -> str:
    """`recommended_memory_in_gb` → `recommendedMemoryInGB`."""
    first, *rest = name.split("_")
    return first + "".join(_UNITS.get(word, word.capitalize()) for word in rest)


class Model(BaseModel):
    """A part of `profile.json`."""

    model_config = ConfigDict(
        alias_generator=camel, validate_by_name=True, validate_by_alias=True, frozen=True, extra="forbid"
    )
