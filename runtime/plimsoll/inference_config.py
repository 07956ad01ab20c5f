"""Azure's ways of naming what to profile: `--inference-config-file` and `--model NAME=PATH`."""

from __future__ import annotations

import json
from collections.abc import Iterable
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
    """`flags` are settings by name, for those that the command line leaves open; `notes` are for the user."""

    flags: dict[str, str]
    notes: tuple[str, ...]


def read_inference_config(path: Path) -> InferenceConfig:
    """Paths in the file are relative to the current folder, as with Azure's command, or else to the file's own.

    Raises UsageError that names file and key.
    """
    values = _read(path)
    script = values.get("entryScript")
    if not script:
        raise UsageError(f"{path}: no entryScript")
    source = values.get("sourceDirectory")
    root = _find(path, "sourceDirectory", Path(source), Path.is_dir) if source else None
    if root is not None:
        script_path = root / script
        if not script_path.is_file():
            raise UsageError(f"{path}: entryScript {script!r} is not in {root}")
    else:
        script_path = _find(path, "entryScript", Path(script), Path.is_file)
    flags = {"entry_script": str(script_path.resolve())} | ({"app_root": str(root.resolve())} if root else {})
    return InferenceConfig(flags, tuple(_notes(path, values)))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{path}: not JSON ({error})") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path}: not a JSON object")
    if unknown := sorted(set(values) - _USED - _IGNORED):
        raise UsageError(f"{path}: unknown key {unknown[0]!r}")
    for key in _USED & set(values):
        if not isinstance(values[key], str | None):
            raise UsageError(f"{path}: {key} is not text")
    return values


def _notes(path: Path, values: dict[str, Any]) -> Iterable[str]:
    if conda := values.get("condaFile"):
        yield f"{path}: what {conda} lists is not installed here; the script must find it in this environment"
    ignored = sorted(key for key in _IGNORED & set(values) if values[key])
    if ignored:
        yield f"{path}: {', '.join(ignored)} has no meaning here and is ignored"


def _find(file: Path, key: str, path: Path, fits: Any) -> Path:
    for place in (path, file.parent / path):
        if fits(place):
            return place
    raise UsageError(f"{file}: {key} {str(path)!r} is neither in the current folder nor beside the file")


def link_models(models: Iterable[str], folder: Path) -> Path:
    """Lays models out as Azure does, `azureml-models/NAME/1/ENTRY`, by links; answers what AZUREML_MODEL_DIR is then.

    That is the folder of the version for one model, the folder of all models for several.
    """
    pairs = [_parse_model(text) for text in models]
    if len({name for name, _ in pairs}) != len(pairs):
        raise UsageError("--model: two models have the same name")
    root = folder / "azureml-models"
    versions = [_link(root / name / "1", path) for name, path in pairs]
    return versions[0] if len(versions) == 1 else root


def _parse_model(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name or not path or name in {".", ".."} or "/" in name:
        raise UsageError(f"--model {text!r}: not NAME=PATH")
    if not Path(path).exists():
        raise UsageError(f"--model {text!r}: {path} does not exist")
    return name, Path(path)


def _link(version: Path, path: Path) -> Path:
    version.mkdir(parents=True, exist_ok=True)
    for old in version.iterdir():
        # Only what an earlier run has put there: links, never files.
        if old.is_symlink():
            old.unlink()
    (version / path.resolve().name).symlink_to(path.resolve())
    return version
