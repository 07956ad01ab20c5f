"""Settings from a deployment file. Flags, variables and the config file take precedence, setting by setting.

But not Azure's variables for app root and model folder: the images set them for whatever is copied into them, and a
deployment file that is named says what else is to be served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from plimsoll.deployment_file.found import Deployment, Said
from plimsoll.deployment_file.read import read_deployment
from plimsoll.errors import UsageError
from plimsoll.settings.declarations import Setting, declared
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import Place, environment_names, place_of
from plimsoll.settings.serving import ServeSettings
from plimsoll.settings.values import Invalid, value_of

_OF_IMAGES = ("app_root", "model_dir")

With = tuple[ServeSettings, ProfileSettings, dict[str, str], Deployment]


def with_deployment(file: str, serving: ServeSettings, profiling: ProfileSettings, sources: Mapping[str, str]) -> With:
    """The settings and what set them, with those of the file; and what else it says. Raises UsageError."""
    taken = _taken(sources)
    found = read_deployment(Path(file), taken)
    said = _said(found, taken)
    serving = replace(serving, **_values(ServeSettings, said))
    profiling = replace(profiling, **_values(ProfileSettings, said))
    return serving, profiling, {**sources, **{name: one.place for name, one in said.items()}}, found


def _taken(sources: Mapping[str, str]) -> frozenset[str]:
    serving = declared(ServeSettings)
    return frozenset(
        name
        for name in sources
        if name not in _OF_IMAGES or place_of(name, serving[name], sources) is not Place.AZURES_VARIABLE
    )


def _said(found: Deployment, taken: frozenset[str]) -> dict[str, Said]:
    """Settings that nothing precedes. What a key and a variable both give is what the key gives.

    But of two timeouts the shorter one ends a call, as it does where the platform has one and the container the other.
    """
    said = {name: one for name, one in found.settings.items() if name not in taken}
    for name, variable in _of_variables(found).items():
        if name in taken:
            continue
        key = said.setdefault(name, variable)
        if name == "scoring_timeout_ms":
            setting = declared(ServeSettings)[name]
            said[name] = min(key, variable, key=lambda one: _checked(setting, one))
        elif key is not variable:
            found.notes.append(f"{variable.place} is not used: {key.place} takes precedence")
    return said


def _of_variables(found: Deployment) -> dict[str, Said]:
    """Settings that the file gives as variables of the container; an empty one counts as none, as in a shell."""
    return {
        name: found.variables[variable]
        for name, setting in declared(ServeSettings).items()
        for variable in reversed(environment_names(name, setting))
        if variable in found.variables and found.variables[variable].value
    }


def _values(model: type[ServeSettings] | type[ProfileSettings], said: Mapping[str, Said]) -> dict[str, Any]:
    return {name: _checked(one, said[name]) for name, one in declared(model).items() if name in said}


def _checked(setting: Setting, said: Said) -> Any:
    try:
        return value_of(setting, said.value)
    except Invalid as error:
        raise UsageError(f"{said.place} = {said.value!r}: {error}") from None
