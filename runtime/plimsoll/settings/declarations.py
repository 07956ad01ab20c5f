"""How a setting is declared: a field of a frozen dataclass, annotated with type, `Group`, `Field` and `Aliases`.

Not with pydantic, although profile.json is: its import and its models were 9 MB of the master, and 60 ms of a start.
Which values are accepted, and the error for one that is not, are the same (see setting_values). Why they are not read
with pydantic-settings either is said in docs/front.md, and shown in tests/settings/test_settings_library.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, get_type_hints


class Group(StrEnum):
    """The heading under which `--help` and docs/settings.md list a setting; they come in this order."""

    SCRIPT = "Script and model"
    SERVING = "Serving"
    LIMITS = "Limits"
    LIFE_CYCLE = "Life cycle"
    ACCESS = "Access and encryption"
    GPU = "GPU"
    COLLECTION = "Data collection"
    LOGGING = "Logging and tracing"
    PROFILING = "Profiling"
    REQUESTS = "Requests to profile with"
    GATES = "Gates of a pipeline"


@dataclass(frozen=True, slots=True)
class Field:
    """What a setting does and, for a number, its limits: `gt` excludes the limit itself.

    `value` stands for the value in `--help`: the unit of a number, or what kind of text it is.
    """

    description: str
    value: str = ""
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


def azure(*names: str, flag: str = "", values: Mapping[str, str] | None = None) -> Aliases:
    """`Aliases` as they are written in a declaration."""
    return Aliases(names, (flag,) if flag else (), values or {})


@dataclass(frozen=True, slots=True)
class Setting:
    """One declaration, read; `annotation` is the bare type. Only what is no command-line option has no group."""

    annotation: Any
    default: Any
    field: Field
    aliases: Aliases
    group: Group | None = None

    @property
    def description(self) -> str:
        return self.field.description


def declared(model: type[Any]) -> Mapping[str, Setting]:
    """The settings of a dataclass by name, in their order."""
    return _read(model)  # type: ignore[arg-type]  # mypy: a dataclass's own __hash__ is taken for its class's


def grouped(*models: type[Any]) -> Mapping[Group, Mapping[str, Setting]]:
    """The settings of several dataclasses, by group."""
    settings = {name: one for model in models for name, one in declared(model).items()}
    return {group: {name: one for name, one in settings.items() if one.group is group} for group in Group}


@cache
def _read(model: type[Any]) -> Mapping[str, Setting]:
    hints = get_type_hints(model, include_extras=True)
    return {one.name: _setting(hints[one.name], one.default) for one in dataclasses.fields(model)}


def _setting(hint: Any, default: Any) -> Setting:
    (about,) = (item for item in hint.__metadata__ if isinstance(item, Field))
    aliases = next((item for item in hint.__metadata__ if isinstance(item, Aliases)), Aliases())
    group = next((item for item in hint.__metadata__ if isinstance(item, Group)), None)
    return Setting(hint.__origin__, default, about, aliases, group)
