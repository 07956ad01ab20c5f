"""Where a worker finds the script: everything a fresh interpreter needs before it imports user code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class EntrySpec:
    """Absolute paths; `source_dir` and `model_dir` may be None. The service's names only fill the API description.

    `max_body_bytes`: of requests, for whoever unpacks them.
    """

    entry_script: str
    app_root: str
    source_dir: str | None = None
    model_dir: str | None = None
    tf1_compat: bool = False
    service_name: str = "ML service"
    service_version: str = "1.0"
    service_path_prefix: str = ""
    max_body_bytes: int = 64 * 2**20
