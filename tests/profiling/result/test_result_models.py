"""The models of profile.json: frozen, complete, in camel case, and each null with a reason that was thought of."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from plimsoll.profiling import result
from plimsoll.profiling.latency import needed_for
from plimsoll.profiling.result.base import TOO_FEW_REQUESTS, LatencySeconds, Model, camel
from plimsoll.profiling.result.profile import Azureml, Profile, ProfileError
from plimsoll.profiling.result.schema import profile_schema
from support.finished import failed_profile, profile_with


def all_models() -> list[type[Model]]:
    for module in pkgutil.iter_modules(result.__path__):
        importlib.import_module(f"plimsoll.profiling.result.{module.name}")
    found, unseen = set[type[Model]](), [Model]
    while unseen:
        unseen += [one for one in unseen.pop().__subclasses__() if one.__module__.startswith("plimsoll.profiling.")]
        found |= set(unseen)
    return sorted(found, key=lambda one: one.__name__)


MODELS = all_models()


def reached(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and all that it is made of."""
    yield model
    for field in model.model_fields.values():
        for part in parts(field.annotation):
            yield from reached(part)


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


def test_every_model_is_part_of_the_profile() -> None:
    """What nothing is made of is dead."""
    assert set(MODELS) == set(reached(Profile))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_reason_is_for_a_field_that_there_is_and_that_can_be_null(model: type[Model]) -> None:
    for name, why in model.null_because.items():
        assert why == "" or len(why) > 5
        if name != "*" and (name in model.model_fields or name not in TOO_FEW_REQUESTS):
            annotation = model.model_fields[name].annotation
            optional = get_origin(annotation) in (Union, UnionType) and type(None) in get_args(annotation)
            empty = get_origin(annotation) in (list, dict)
            assert optional or empty, f"{name} is never null or empty"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_names_say_their_unit(model: type[Model]) -> None:
    """Numbers of bytes and seconds end in their unit; there are no other units of size and time."""
    for name in model.model_fields:
        assert not re.search(r"_(ms|us|mb|kb|mib|gib|minutes|hours)$", name) or model is Azureml, name


@given(st.lists(st.text("abcdefghij0123456789", min_size=1, max_size=5), min_size=1, max_size=5))
def test_names_in_json_are_camel_case(words: list[str]) -> None:
    name = camel("_".join(words))
    assert "_" not in name
    assert name.lower() == "".join(words)
    assert name.startswith(words[0])


def test_no_two_fields_of_a_model_have_one_name() -> None:
    for model in MODELS:
        names = [camel(name) for name in model.model_fields]
        assert len(set(names)) == len(names), model
        assert names == [field.alias for field in model.model_fields.values()]


def test_a_result_is_never_changed_in_its_place() -> None:
    made = profile_with()
    with pytest.raises(ValidationError):
        made.state = "Failed"
    with pytest.raises(ValidationError):
        made.measurements.memory.peak_bytes = 1


def test_what_nobody_foresaw_is_refused() -> None:
    """Else a misspelt name would be a number that is silently missing."""
    with pytest.raises(ValidationError, match="p98"):
        LatencySeconds.model_validate({"p98": 1.0})


class Found:
    """Something with attributes of which some have the names of fields."""

    mean, p50, unheard_of = 0.5, 0.4, 7


def test_a_model_takes_by_name_what_was_found_and_what_is_said_wins() -> None:
    made = LatencySeconds.of(Found(), p50=0.1, max=2.0)
    assert made == LatencySeconds(mean=0.5, p50=0.1, max=2.0)
    assert LatencySeconds.of(object()) == LatencySeconds()


@pytest.mark.parametrize(("name", "share"), [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)])
def test_a_percentile_that_is_null_says_how_many_requests_it_needs(name: str, share: float) -> None:
    assert f" {needed_for(share)} " in TOO_FEW_REQUESTS[name]
    assert "1%" in TOO_FEW_REQUESTS[name]
    assert LatencySeconds().why_null(name) == TOO_FEW_REQUESTS[name]


@pytest.mark.parametrize(("error", "code"), [(None, 0), (4, 4), (70, 70)])
def test_the_exit_code_is_that_of_the_error(error: int | None, code: int) -> None:
    problem = None if error is None else ProfileError(code="x", message="m", exit_code=error)
    assert profile_with(error=problem).exit_code == code


def test_azures_details_are_flat_and_without_what_is_not_known() -> None:
    """The keys of azureml-core's ModelProfile.get_details(): name, state, createdTime, error, and the numbers."""
    details = failed_profile().get_details()
    assert details["error"] == {"code": "entry", "message": "init() failed: no model"}
    assert (details["name"], details["state"]) == ("digits", "Failed")
    assert None not in details.values()
    assert not any(isinstance(value, dict) for key, value in details.items() if key != "error")
    assert set(details) <= {"name", "description", "state", "createdTime", "error", *map(camel, Azureml.model_fields)}


def test_the_schema_asks_for_every_key_and_allows_no_other() -> None:
    """A reader need not ask whether a key is there: what is not known is null."""
    schema = profile_schema()
    for name, part in [("Profile", schema), *schema["$defs"].items()]:
        if part.get("type") == "object":
            assert part["required"] == list(part["properties"]), name
            assert part["additionalProperties"] is False, name
    assert set(schema["$defs"]) == {model.__name__ for model in MODELS if model is not Profile}


def test_the_schema_names_nothing_that_it_does_not_define() -> None:
    schema = profile_schema()
    asked = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))
    assert asked == set(schema["$defs"]), "defined and not used, or used and not defined"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert '"default"' not in json.dumps(schema)
