"""What a deployment file says, whatever platform it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WHOLE_GPUS = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Said:
    """A value, and the place in the file that gives it."""

    value: Any
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the file sets aside for one replica, and the most that it may use; None where it says nothing.

    `gpus` are whole ones (`nvidia.com/gpu`) and slices, each kind by its name.
    """

    request_cores: float | None = None
    request_bytes: float | None = None
    limit_cores: float | None = None
    limit_bytes: float | None = None
    gpus: Mapping[str, float] = field(default_factory=dict)

    def gpus_for(self, resource: str) -> float:
        """Of that kind, and whole ones, which do for a slice too."""
        return sum(self.gpus.get(name, 0.0) for name in {resource, WHOLE_GPUS})

    @property
    def given(self) -> bool:
        return self != Resources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the file would have the model run: `instances` of a type of the platform's own, or in `resources`."""

    file: str
    instance_type: str | None = None
    instances: int | None = None
    resources: Resources = field(default_factory=Resources)


@dataclass(slots=True, kw_only=True)
class Deployment:
    """`settings` by name; `model` is the file or folder, which the script finds as `model_name` in its model folder.

    `requests_at_once` is what one replica may have under way or waiting before the platform refuses more. `variables`
    are the script's environment; `notes` say what is not honoured. `builtin` is the script that serves the model where
    the file has none.
    """

    target: Target
    settings: dict[str, Said] = field(default_factory=dict)
    model: Said | None = None
    model_name: str = "model"
    builtin: Said | None = None
    requests_at_once: Said | None = None
    variables: Mapping[str, Said] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def ignore(self, place: str, why: str) -> None:
        """Names a key that is not honoured."""
        self.notes.append(f"{place}: not honoured: {why}")
