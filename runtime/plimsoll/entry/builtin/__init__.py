"""Entry scripts that serve a model as it is: ``--entry-script builtin:onnx``."""

from __future__ import annotations

from pathlib import Path

from plimsoll.errors import EntryError

# Not onnx.py and so on: a script's folder is on its import path.
_FILES = {
    "mlflow": "mlflow_model.py",
    "onnx": "onnx_model.py",
    "sklearn": "sklearn_model.py",
    "tensorflow": "tensorflow_model.py",
}
FOLDER = Path(__file__).parent


def path(name: str) -> Path:
    """The file of a built-in entry script."""
    if name not in _FILES:
        raise EntryError(f"there is no built-in entry script {name!r}", remedy=f"choose one of {', '.join(_FILES)}")
    return FOLDER / _FILES[name]
