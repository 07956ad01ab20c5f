"""The JSON Schema of `profile.json`: made from the same classes that write it, published as a file of the package.

`python -m plimsoll.profiling.result.schema` prints it; a test compares it with the file.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from plimsoll.profiling.result.profile import Profile

SCHEMA_FILE = "profile.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def profile_schema() -> dict[str, Any]:
    """As it is written: every key is always there, what is not known is null."""
    schema = _tidied(Profile.model_json_schema(by_alias=True, mode="serialization"))
    return {"$schema": _DIALECT, **schema, "title": "Plimsoll profile"}


def _tidied(part: Any) -> Any:
    """Without the titles and defaults that pydantic makes of names and that say nothing to a reader."""
    if isinstance(part, list):
        return [_tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    tidied = {key: _tidied(value) for key, value in part.items() if key != "default" and not _is_title(key, value)}
    if part.get("type") == "object" and "properties" in part:
        tidied["required"] = list(part["properties"])
    return tidied


def _is_title(key: str, value: Any) -> bool:
    """A property may be called `title` too; its value is then a schema."""
    return key == "title" and isinstance(value, str)


def schema_text() -> str:
    """What belongs into the file."""
    return json.dumps(profile_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
