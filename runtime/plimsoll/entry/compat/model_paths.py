"""`Model.get_model_path` of the Azure ML SDK, for scripts that find their model by its registered name.

Models lie in ``$AML_APP_ROOT/azureml-models/<name>/<version>/<one file or folder>``; on a desk,
``./<name>`` does as well.
"""

from __future__ import annotations

import os
from pathlib import Path

from plimsoll.settings.model_tag import TAG_FILE

_FOLDER = "azureml-models"


class AzureMLException(Exception):
    """Base of what the SDK's names raise."""

    def __init__(self, exception_message: str) -> None:
        super().__init__(exception_message)
        self.message = exception_message


class WebserviceException(AzureMLException):
    """The model directory is not as it must be."""


class ModelNotFoundException(WebserviceException):
    """Azure's class for a model name that is not there; scripts may catch it."""


class Model:
    """Only the part of the SDK's class that a running script uses."""

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, _workspace: object = None) -> str:
        if version is not None and not isinstance(version, int):
            raise WebserviceException(f"The version of model {model_name} must be an int, not {version!r}")
        for root in _roots():
            found = _latest(root / model_name) if version is None else version
            if found is not None and (root / model_name / str(found)).is_dir():
                return _single_entry(root / model_name / str(found))
        return _on_a_desk(model_name, version)


def _roots() -> list[Path]:
    """The app root's models; then, where AZUREML_MODEL_DIR lies in a folder of that name, that folder's."""
    model_dir = Path(os.environ.get("AZUREML_MODEL_DIR") or ".")
    around = [folder for folder in (model_dir, *model_dir.parents) if folder.name == _FOLDER]
    return [Path(os.environ.get("AML_APP_ROOT", ""), _FOLDER), *around]


def _latest(folder: Path) -> int | None:
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return max((int(name) for name in names if name.isdecimal()), default=None)


def _single_entry(folder: Path) -> str:
    entries = [entry for entry in folder.iterdir() if entry.name != TAG_FILE]
    if len(entries) != 1:
        raise WebserviceException(f"Dir {folder} can contain only 1 file or folder. Found {len(entries)} items")
    return str(entries[0])


def _on_a_desk(model_name: str, version: int | None) -> str:
    if Path(model_name).exists():
        return model_name
    where = f"under azureml-models in AML_APP_ROOT or in {Path.cwd()}"
    if version is not None:
        raise WebserviceException(f"Model {model_name} with version {version} not found {where}")
    raise ModelNotFoundException(f"Model {model_name} not found {where}")
