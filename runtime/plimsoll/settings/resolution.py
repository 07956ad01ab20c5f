"""Where the values of settings come from: flags, variables, a config file; and what settings are called there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

from plimsoll.errors import UsageError
from plimsoll.settings.declarations import Setting, declared
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.serving import ServeSettings
from plimsoll.settings.values import Invalid, value_of

ENVIRONMENT_PREFIX = "PLIMSOLL_"


class Place(IntEnum):
    """Where a setting was given. Of two places the smaller number takes precedence."""

    FLAG = 1
    VARIABLE = 2
    AZURES_VARIABLE = 3
    FILE = 4
    NOWHERE = 5


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Settings from a JSON file: keys are our names, or the names of the environment variables."""

    path: str
    values: Mapping[str, Any]


SettingsModel = TypeVar("SettingsModel", ServeSettings, ProfileSettings)


def flag(name: str) -> str:
    """The command-line form of a setting's name."""
    return "--" + name.replace("_", "-")


def no_flag(name: str) -> str:
    """The form that turns a yes-or-no setting off."""
    return "--no-" + name.replace("_", "-")


def as_flags(name: str, value: Any) -> list[str]:
    """A setting with its value on a command line; nothing for None, and a flag for each of several values."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [flag(name) if value else no_flag(name)]
    if isinstance(value, str | int | float | os.PathLike):
        return [flag(name), str(value)]
    return [part for one in value for part in as_flags(name, one)]


def came_by_flag(name: str, sources: Mapping[str, str]) -> bool:
    return sources.get(name) == _by_flag(name)


def came_by_variable(name: str, setting: Setting, sources: Mapping[str, str]) -> bool:
    return place_of(name, setting, sources) in (Place.VARIABLE, Place.AZURES_VARIABLE)


def place_of(name: str, setting: Setting, sources: Mapping[str, str]) -> Place:
    if name not in sources:
        return Place.NOWHERE
    own, *azures = map(_by_variable, environment_names(name, setting))
    places = {_by_flag(name): Place.FLAG, own: Place.VARIABLE} | dict.fromkeys(azures, Place.AZURES_VARIABLE)
    return places.get(sources[name], Place.FILE)


def environment_names(name: str, setting: Setting) -> tuple[str, ...]:
    """Environment variables that set `name`, most important first; a config file knows the same names."""
    return (ENVIRONMENT_PREFIX + name.upper(), *setting.aliases.names)


def resolve(
    model: type[SettingsModel],
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    config: ConfigFile | None = None,
) -> tuple[SettingsModel, dict[str, str]]:
    """The settings, and for each one that is not at its default the source that set it.

    Raises UsageError naming the setting, its source and what is allowed.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, setting in declared(model).items():
        found = _find(name, setting, flags, environment, config)
        if found is not None:
            raw, sources[name] = found
            values[name] = checked(setting, raw, sources[name])
    return model(**values), sources


def _find(
    name: str, setting: Setting, flags: Mapping[str, Any], environment: Mapping[str, str], config: ConfigFile | None
) -> tuple[Any, str] | None:
    if flags.get(name) not in (None, ()):
        return flags[name], _by_flag(name)
    for variable in environment_names(name, setting):
        if environment.get(variable):
            return environment[variable], _by_variable(variable)
    for key in (name, *environment_names(name, setting)) if config else ():
        if config is not None and config.values.get(key) not in (None, ""):
            return config.values[key], f"{config.path}: {key}"
    return None


def _by_flag(name: str) -> str:
    return f"flag {flag(name)}"


def _by_variable(variable: str) -> str:
    return f"environment {variable}"


def checked(setting: Setting, raw: Any, source: str) -> Any:
    """Raises UsageError that names the source."""
    try:
        return value_of(setting, raw)
    except Invalid as error:
        raise UsageError(f"{source} = {raw!r}: {error}") from None
