"""Every null of a profile with its reason: what a run gives, else what the model of the part says of the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from plimsoll.profiling.result.base import Model, camel

_OF_MEMORY = ("azureml.maxUtilizedMemoryInGB", "azureml.recommendedMemoryInGB")


@dataclass(frozen=True, slots=True)
class Reasons:
    """`given` are those of this run, by the path without places in lists; `path.*` goes for all that is below.

    `memory` is why no memory is known, where none is; `otherwise` what else stopped a phase.
    """

    otherwise: str
    given: Mapping[str, str] = field(default_factory=dict)
    memory: str | None = None

    def of(self, part: Model, path: str = "") -> dict[str, str]:
        """Path → reason for each null and each empty list; list items are counted from 0: `levels.0.p99`."""
        return dict(self._of(part, path, path, None, None))

    def _of(
        self, part: Model, path: str, place: str, below: str | None, above: str | None
    ) -> Iterator[tuple[str, str]]:
        """`below` goes for everything down there, `above` for what says nothing itself."""
        below, own = below or self.given.get(f"{place}*"), part.why_null("*")
        for name in type(part).model_fields:
            key, value = camel(name), getattr(part, name)
            if value is None or value in ([], {}):
                if part.null_because.get(name) != "":
                    yield f"{path}{key}", self._why(part, name, f"{place}{key}", below, None if own else above)
                continue
            for number, item in _parts(value):
                yield from self._of(item, f"{path}{key}{number}.", f"{place}{key}.", below, own or above)

    def _why(self, part: Model, name: str, place: str, below: str | None, above: str | None) -> str:
        if self.memory and (".memory." in place or place.endswith((".memory", "emoryBytes")) or place in _OF_MEMORY):
            return self.memory
        found = self.given.get(place) or below or above or part.why_null(name) or part.why_null("*")
        return found or self.otherwise


def _parts(value: Any) -> Iterator[tuple[str, Model]]:
    if isinstance(value, Model):
        yield "", value
    elif isinstance(value, list):
        yield from ((f".{number}", item) for number, item in enumerate(value) if isinstance(item, Model))
