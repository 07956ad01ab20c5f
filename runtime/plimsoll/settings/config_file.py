"""Finds and reads the settings file: the one named, else `config.json` in the app root, else beside the script.

An empty name stands for no file at all.

What a file that was named says of settings must be right, and keys that are none are warned of. One that was merely
found may belong to the model (many models come with a `config.json`): of it the keys that are settings are taken, and
nothing is said of the others.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from plimsoll.errors import UsageError
from plimsoll.settings.declarations import declared
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import ConfigFile, environment_names
from plimsoll.settings.serving import ServeSettings
from plimsoll.warning import warn

# What the file of a model says by these names is about the model, or about a service that it calls.
_OF_MODELS = frozenset({"model", "deployment"})
_NAMES = ("AZUREML_CONFIG_FILE", "PLIMSOLL_CONFIG_FILE")
# Azure ML keys that are about its own services, and mean nothing here.
_WITHOUT_MEANING = frozenset(
    {
        "WORKSPACE_NAME",
        "HOSTNAME",
        "AZUREML_DEBUG_PORT",
        "AML_APP_INSIGHTS_ENABLED",
        "AML_APP_INSIGHTS_KEY",
        "AML_MODEL_DC_STORAGE_ENABLED",
        "APP_INSIGHTS_LOG_RESPONSE_ENABLED",
    }
)


def find_config(flag: str | None, environment: Mapping[str, str], folders: Iterable[Path]) -> ConfigFile | None:
    """`flag` is the name on the command line; where none is named, the first in `folders` is taken.

    Raises UsageError for a file that was named and cannot be used.
    """
    if flag == "":
        return None
    named = flag or next((environment[name] for name in _NAMES if environment.get(name)), None)
    if named:
        return _named(Path(named))
    found = next((path for folder in folders if (path := folder / "config.json").is_file()), None)
    return _found(found) if found else None


def _named(path: Path) -> ConfigFile:
    try:
        values = _read(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"config file {path}: {error}") from None
    unknown = [key for key in values if key not in _known() | _WITHOUT_MEANING]
    if unknown:
        warn(f"config file {path}: ignored, because no setting has that name: {', '.join(map(_with_nearest, unknown))}")
    return ConfigFile(str(path), values)


def _with_nearest(key: str) -> str:
    """The key, and the setting that may have been meant."""
    names = {_plain(name): name for name in sorted(_known())}
    nearest = difflib.get_close_matches(_plain(key), names, n=1)
    return f"{key!r} (did you mean {names[nearest[0]]!r}?)" if nearest else repr(key)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _found(path: Path) -> ConfigFile | None:
    try:
        values = _read(path)
    except (OSError, ValueError):
        return None
    return ConfigFile(str(path), {key: value for key, value in values.items() if key in _known() - _OF_MODELS})


def _read(path: Path) -> dict[str, Any]:
    """Raises OSError, or ValueError for what is no JSON object."""
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def _known() -> frozenset[str]:
    settings = {**declared(ServeSettings), **declared(ProfileSettings)}
    return frozenset(key for name, one in settings.items() for key in (name, *environment_names(name, one)))
