"""How a setting is declared: a field of a frozen dataclass, annotated with its type, a `Field` and its `Aliases`.

Not with pydantic, although profile.json is: its import and its models were 9 MB of the master, and 60 ms of a start.
What a value may look like, and what is said of one that is wrong, is the same (see setting_values).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_type_hints


@dataclass(frozen=True, slots=True)
class Field:
    """What a setting does, and for a number its limits; `gt` is one that the number itself may not be."""

    description: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None


@dataclass(frozen=True, slots=True)
class Aliases:
    """What Azure ML calls the same setting: environment names, which rank below our own, and command-line flags.

    `values`: other ways to say one of the setting's values.
    """

    names: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """One declaration, read; `annotation` is the bare type."""

    annotation: Any
    default: Any
    field: Field
    aliases: Aliases

    @property
    def description(self) -> str:
        return self.field.description


def declared(model: type[Any]) -> Mapping[str, Setting]:
    """The settings of a dataclass by name, in their order."""
    return _read(model)  # type: ignore[arg-type]  # mypy: a dataclass's own __hash__ is taken for its class's


@cache
def _read(model: type[Any]) -> Mapping[str, Setting]:
    hints = get_type_hints(model, include_extras=True)
    return {one.name: _setting(hints[one.name], one.default) for one in dataclasses.fields(model)}


def _setting(hint: Any, default: Any) -> Setting:
    (about,) = (item for item in hint.__metadata__ if isinstance(item, Field))
    aliases = next((item for item in hint.__metadata__ if isinstance(item, Aliases)), Aliases())
    return Setting(hint.__origin__, default, about, aliases)
