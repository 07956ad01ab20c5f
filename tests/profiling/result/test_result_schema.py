"""The published schema: it is the one of the classes, and real profiles fit it, checked by a validator of its own."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import EntryError
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.result.schema import SCHEMA_FILE, schema_text
from plimsoll.profiling.run import profile
from support.finished import failed_profile, profile_with
from support.profile_runs import ECHO, Notes, options_for, written

PUBLISHED = json.loads(resources.files("plimsoll.profiling.result").joinpath(SCHEMA_FILE).read_text())
TYPES = {"string": str, "integer": int, "number": int | float, "boolean": bool, "object": dict, "array": list}


def problems(value: Any, schema: dict[str, Any], whole: dict[str, Any], path: str = "") -> list[str]:
    """What does not fit, by path; only the keywords that the schema uses, and none else may be in it."""
    known = {"$ref", "anyOf", "type", "enum", "const", "properties", "required", "items", "additionalProperties"}
    unknown = set(schema) - known - {"description", "title", "$defs", "$schema"}
    assert not unknown, f"the validator does not know {unknown}"
    if "$ref" in schema:
        return problems(value, whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole, path)
    if "anyOf" in schema:
        tried = [problems(value, option, whole, path) for option in schema["anyOf"]]
        return min(tried, key=len)
    found = [] if _has_type(value, schema.get("type")) else [f"{path}: {value!r} is no {schema['type']}"]
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        found.append(f"{path}: {value!r} is not allowed")
    if isinstance(value, dict):
        found += _object_problems(value, schema, whole, path)
    if isinstance(value, list) and "items" in schema:
        found += [
            text
            for place, item in enumerate(value)
            for text in problems(item, schema["items"], whole, f"{path}.{place}")
        ]
    return found


def _has_type(value: Any, name: str | None) -> bool:
    if name is None:
        return True
    if name == "null":
        return value is None
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _object_problems(value: dict[str, Any], schema: dict[str, Any], whole: dict[str, Any], path: str) -> list[str]:
    properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{path}: {key} is missing" for key in schema.get("required", ()) if key not in value]
    for key, item in value.items():
        if key in properties:
            found += problems(item, properties[key], whole, f"{path}.{key}")
        elif more is False:
            found.append(f"{path}: {key} is unknown")
        elif isinstance(more, dict):
            found += problems(item, more, whole, f"{path}.{key}")
    return found


def check(content: dict[str, Any]) -> list[str]:
    return problems(content, PUBLISHED, PUBLISHED)


def test_the_published_file_is_the_schema_of_the_classes() -> None:
    assert json.loads(schema_text()) == PUBLISHED, (
        "run: python -m plimsoll.profiling.result.schema > runtime/plimsoll/profiling/result/profile.schema.json"
    )


@pytest.mark.parametrize("made_up", [profile_with(), failed_profile()])
def test_made_up_profiles_fit(made_up: Profile) -> None:
    assert check(json.loads(made_up.model_dump_json(by_alias=True))) == []


def test_a_real_profile_fits_and_comes_back_the_same(tmp_path: Path) -> None:
    options = options_for(tmp_path, ECHO, ["[1]", "[2]", "x"], target_rps=20.0)
    result = profile(options, Notes())
    assert check(written(options)) == []
    assert Profile.model_validate(written(options)) == result


def test_the_profile_of_a_script_that_fails_fits(tmp_path: Path) -> None:
    options = options_for(tmp_path, "def init(): raise ValueError('no model')\ndef run(data): pass\n", ["[1]"])
    with pytest.raises(EntryError):
        profile(options, Notes())
    assert check(written(options)) == []


def test_what_does_not_fit_is_found() -> None:
    content = json.loads(profile_with().model_dump_json(by_alias=True))
    del content["grade"]
    content["host"]["logicalCpus"] = "two"
    content["state"] = "Perhaps"
    content["azureml"]["recommendedMemoryInGb"] = 1.0
    content["measurements"]["concurrencyLevels"][0]["outcomes"]["200"] = None
    found = check(content)
    assert len(found) == 5
    assert ".host.logicalCpus: 'two' is no integer" in found
