"""Where a worker finds the script: everything a fresh interpreter needs before it imports user code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class EntrySpec:
    """Absolute paths; `source_dir` and `model_dir` may be None."""

    entry_script: str
    app_root: str
    source_dir: str | None = None
    model_dir: str | None = None
