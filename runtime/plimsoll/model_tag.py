"""`plimsoll.json` beside a model: what a profile found that it needs. Serving and manifests take their defaults here.

A leaf: it knows neither the profiler that writes the file nor the server that reads it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from plimsoll.errors import UsageError

TAG_FILE = "plimsoll.json"


class ModelTag(BaseModel):
    """Cores and GB (10^9 bytes) are those of one replica; unknown keys of a later version are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True, extra="ignore")

    schema_version: str = "1"
    profile_name: str
    profiled_time: str
    grade: str
    requested_cpu: float = Field(gt=0)
    cpu_limit: float = Field(gt=0)
    requested_memory_in_gb: float = Field(gt=0)
    requested_memory_bytes: int = Field(gt=0)
    workers: int = Field(ge=1)
    threads: int = Field(ge=1)
    max_batch_size: int | None = Field(default=None, ge=1)
    max_requests_per_second: float | None = None


def write_tag(tag: ModelTag, model_dir: Path) -> Path:
    """Whole or not at all; raises UsageError where the folder cannot be written to."""
    path = model_dir / TAG_FILE
    try:
        handle, name = tempfile.mkstemp(dir=model_dir, prefix=f".{TAG_FILE}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(tag.model_dump_json(by_alias=True, indent=2) + "\n")
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def read_tag(model_dir: Path) -> ModelTag | None:
    """None where there is none; raises UsageError where it is broken."""
    path = model_dir / TAG_FILE
    try:
        return ModelTag.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        if not os.access(model_dir, os.X_OK):
            return None  # the folder itself is closed to us, which whoever uses the model says better
        raise UsageError(f"{path}: cannot be read ({error.strerror})", remedy="give it read rights") from error
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise UsageError(f"{path}: not a model tag ({_reason(error)})", remedy="profile again or remove it") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return ".".join(str(part) for part in first["loc"]) + ": " + first["msg"]
    return str(error)
