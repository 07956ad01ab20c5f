"""`plimsoll.json` beside a model: what a profile found that it needs. Serving and manifests take their defaults here.

A leaf: it knows neither the profiler that writes the file nor the server that reads it.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import MISSING, asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from plimsoll.errors import UsageError
from plimsoll.settings.declarations import Field, Setting, declared
from plimsoll.settings.values import Invalid, value_of

TAG_FILE = "plimsoll.json"


@dataclass(frozen=True, kw_only=True)
class ModelTag:
    """Cores and GB (10^9 bytes) are those of one replica; unknown keys of a later version are ignored."""

    schema_version: Annotated[str, Field("Version of the format of this file.")] = "1"
    profile_name: Annotated[str, Field("Name of the profile that the numbers come from.")]
    profiled_time: Annotated[str, Field("When that profile was made.")]
    grade: Annotated[str, Field("Grade of that profile.")]
    requested_cpu: Annotated[float, Field("Cores that keep the rate on a full node.", gt=0)]
    cpu_limit: Annotated[float, Field("Cores that keep the latency.", gt=0)]
    requested_memory_in_gb: Annotated[float, Field("GB for one replica.", gt=0)]
    requested_memory_bytes: Annotated[int, Field("The same in bytes.", gt=0)]
    workers: Annotated[int, Field("As the flag.", ge=1)]
    threads: Annotated[int, Field("As the flag.", ge=1)]
    max_batch_size: Annotated[int | None, Field("As the flag.", ge=1)] = None
    max_requests_per_second: Annotated[float | None, Field("The most that one replica carries.")] = None
    requests_per_second: Annotated[float | None, Field("The rate that these numbers were proved for.")] = None


def source_of(folder: Path) -> str:
    """How a setting that a tag made is said to have come."""
    return f"tag {folder / TAG_FILE}"


def write_tag(tag: ModelTag, model_dir: Path) -> Path:
    """Replaces the file in one step; raises UsageError where the folder cannot be written to."""
    path = model_dir / TAG_FILE
    try:
        handle, name = tempfile.mkstemp(dir=model_dir, prefix=f".{TAG_FILE}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps({_key(name): value for name, value in asdict(tag).items()}, indent=2) + "\n")
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def read_tag(model_dir: Path) -> ModelTag | None:
    """None where there is none; raises UsageError where it is broken."""
    path = model_dir / TAG_FILE
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        if not os.access(model_dir, os.X_OK):
            return None  # the folder itself is closed to us, which whoever uses the model says better
        raise UsageError(f"{path}: cannot be read ({error.strerror})", remedy="give it read rights") from error
    except (OSError, ValueError, Invalid) as error:
        raise UsageError(f"{path}: not a model tag ({error})", remedy="profile again or remove it") from error


def _parsed(text: str) -> ModelTag:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise Invalid("not a JSON object")
    return ModelTag(**{name: _value(_key(name), one, content) for name, one in declared(ModelTag).items()})


def _value(key: str, one: Setting, content: dict[str, Any]) -> Any:
    raw = content.get(key)
    if raw is None and one.default is MISSING:
        raise Invalid(f"{key}: field required")
    try:
        return one.default if raw is None else value_of(one, raw)
    except Invalid as error:
        raise Invalid(f"{key}: {error}") from None


def _key(name: str) -> str:
    """As profile.json writes names: camelCase."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
