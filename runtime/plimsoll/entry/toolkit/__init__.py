"""Scripts for SageMaker's inference toolkit: model_fn with input_fn, predict_fn, output_fn, or with transform_fn."""

from __future__ import annotations

import os
from types import ModuleType

_MARKS = ("model_fn", "transform_fn", "predict_fn")
_FILE = "inference.py"


def is_toolkit_script(module: ModuleType, path: str) -> bool:
    """A script that has run() is served as a score.py whatever else it has."""
    if hasattr(module, "run"):
        return False
    return os.path.basename(path) == _FILE or any(hasattr(module, name) for name in _MARKS)  # noqa: PTH119
