"""Azure's ways of naming what to profile: `--inference-config-file` and `--model NAME=PATH`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plimsoll.errors import UsageError

_USED = {"entryScript", "sourceDirectory", "condaFile"}
# About images and services that are not made here.
_IGNORED = {
    "runtime", "extraDockerfileSteps", "baseImage", "baseImageRegistry", "cudaVersion", "enableGpu", "description",
    "environment", "schemaFile", "dependencies",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """`settings` are those that it gives, by name; `notes` are for the user."""

    settings: dict[str, str]
    notes: tuple[str, ...]


def read_inference_config(path: Path, source: str) -> InferenceConfig:
    """Paths in the file are relative to the current folder, as with Azure's command, or else to the file's own.

    Raises UsageError that names file and key, and the `source` that named the file.
    """
    try:
        values = _read(path)
        script = _script(values)
        root = _root(path, values)
        if root is not None and not (root / script).is_file():
            raise _Unusable(f"entryScript {str(script)!r} is not in {root}")
        script = root / script if root is not None else _find(path, "entryScript", script, Path.is_file)
    except _Unusable as error:
        raise UsageError(f"{source} = {str(path)!r}: {error}") from None
    settings = {"entry_script": str(script.resolve())} | ({"app_root": str(root.resolve())} if root else {})
    return InferenceConfig(settings, tuple(_notes(path, values)))


class _Unusable(Exception):
    """The reason."""


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _Unusable(f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _Unusable(f"not JSON ({error})") from error
    if not isinstance(values, dict):
        raise _Unusable("not a JSON object")
    if unknown := sorted(set(values) - _USED - _IGNORED):
        raise _Unusable(f"unknown key {unknown[0]!r}")
    for key in _USED & set(values):
        if not isinstance(values[key], str | None):
            raise _Unusable(f"{key} is not text")
    return values


def _script(values: Mapping[str, Any]) -> Path:
    if not values.get("entryScript"):
        raise _Unusable("no entryScript")
    return Path(values["entryScript"])


def _root(file: Path, values: Mapping[str, Any]) -> Path | None:
    source = values.get("sourceDirectory")
    return _find(file, "sourceDirectory", Path(source), Path.is_dir) if source else None


def _find(file: Path, key: str, path: Path, fits: Any) -> Path:
    for place in (path, file.parent / path):
        if fits(place):
            return place
    raise _Unusable(f"{key} {str(path)!r} is neither in the current folder nor beside the file")


def _notes(path: Path, values: Mapping[str, Any]) -> Iterable[str]:
    if conda := values.get("condaFile"):
        yield f"{path}: what {conda} lists is not installed here; the script must find it in this environment"
    ignored = sorted(key for key in _IGNORED & set(values) if values[key])
    if ignored:
        yield f"{path}: {', '.join(ignored)} has no meaning here and is ignored"


def parse_models(texts: Iterable[str], source: str) -> dict[str, Path]:
    """Models by name; raises UsageError that names the `source` and the text."""
    models: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.strip().partition("=")
        if not equals or not name or not path or name in {".", ".."} or "/" in name:
            raise UsageError(f"{source} = {text!r}: not NAME=PATH")
        if name in models:
            raise UsageError(f"{source} = {text!r}: two models have the same name")
        if not Path(path).exists():
            raise UsageError(f"{source} = {text!r}: {path} does not exist")
        models[name] = Path(path)
    return models


def link_models(models: Mapping[str, Path], folder: Path) -> Path:
    """Lays models out as Azure does, `azureml-models/NAME/1/ENTRY`, by links; answers what AZUREML_MODEL_DIR is then.

    That is the folder of the version for one model, the folder of all models for several. Raises UsageError.
    """
    root = folder / "azureml-models"
    try:
        versions = [_link(root / name / "1", path.resolve()) for name, path in models.items()]
    except OSError as error:
        reason = f"--model: its links cannot be made in {root} ({error.strerror})"
        raise UsageError(reason, remedy="name a folder that can be written to with --output") from error
    return versions[0] if len(versions) == 1 else root


def model_folder(models: Mapping[str, Path]) -> Path | None:
    """The user's own folder behind the links: the model, or what a model file lies in; None for several models.

    What belongs to the model lies there. In the links it would be lost with them, and in the way: Azure's
    `Model.get_model_path` wants a single entry in the folder of a version.
    """
    paths = list(models.values())
    if len(paths) != 1:
        return None
    return paths[0] if paths[0].is_dir() else paths[0].parent


def _link(version: Path, path: Path) -> Path:
    version.mkdir(parents=True, exist_ok=True)
    link = version / path.name
    for old in version.iterdir():
        # Only what an earlier run has put there: links, never files.
        if old.is_symlink() and old != link:
            old.unlink()
    if not link.is_symlink():
        link.symlink_to(path)
    elif link.readlink() != path:
        # In one step: another server may be reading it.
        new = version.with_name(f"{version.name}.{os.getpid()}")
        new.symlink_to(path)
        new.replace(link)
    return version
