"""Where the script and what it needs lie; checked before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import EntryError, UsageError
from plimsoll.settings import ServeSettings


def entry_spec(settings: ServeSettings, from_flag: bool) -> EntrySpec:
    """Absolute paths of the script and its surroundings. Raises UsageError or EntryError."""
    if settings.entry_script is None:
        raise UsageError("no entry script", remedy="give --entry-script score.py or set AZUREML_ENTRY_SCRIPT")
    root = Path(settings.app_root or ".").resolve()
    script = Path(settings.entry_script).resolve() if from_flag else (root / settings.entry_script).resolve()
    source = root / settings.source_dir if settings.source_dir else None
    model = Path(settings.model_dir).resolve() if settings.model_dir else None
    _must_exist("entry script", script, Path.is_file)
    for name, folder in (("app root", root), ("source folder", source), ("model folder", model)):
        if folder is not None:
            _must_exist(name, folder, Path.is_dir)
    return EntrySpec(str(script), str(root), str(source) if source else None, str(model) if model else None)


def _must_exist(what: str, path: Path, exists: Callable[[Path], bool]) -> None:
    if not exists(path):
        raise EntryError(f"{what} not found: {path}", remedy="check the path, it is shown as it was resolved")
