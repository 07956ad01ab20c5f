"""What a setting takes, and what it says of the rest, against pydantic."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pydantic
import pytest

from plimsoll.settings.declarations import Setting, declared
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.serving import ServeSettings
from plimsoll.settings.values import Invalid, value_of

_TEXTS = [
    "",
    " ",
    "x",
    "²",
    "٣",
    "0",
    "1",
    " 8 ",
    "-1",
    "+5",
    "007",
    "1_000",
    "1__0",
    "_1",
    "1_",
    "5.0",
    "5.",
    ".5",
    "5.5",
]
_TEXTS += ["5.5", "1e3", "inf", "-Infinity", "nan", "0x10", "70000", "504", "TRUE", "yes", "off", "N", "maybe", "none"]
_TEXTS += ["warn", " Debug ", "text", "required", "a,b"]
_FROM_JSON = [0, 1, 2, -1, 500, 70000, 10**12, 0.0, 1.0, 0.5, 504.0, -0.5, math.inf, math.nan, True, False]
_FROM_JSON += [[], ["a"], [1], {}, {"a": 1}]
_SETTINGS = {**declared(ServeSettings), **declared(ProfileSettings)}


def of_pydantic(setting: Setting, raw: Any) -> Any:
    """The value, or the reason as text, after what is done to every text before."""
    limits = {name: getattr(setting.field, name) for name in ("ge", "gt", "le")}
    kind = Annotated[setting.annotation, pydantic.Field(**limits)]
    if setting.annotation in (str, str | None):
        raw = str(raw)
    elif setting.annotation == tuple[str, ...]:
        raw = tuple(raw.split(",")) if isinstance(raw, str) else raw
    elif isinstance(raw, str):
        text = raw.strip().lower()
        text = setting.aliases.values.get(text, text)
        raw = int(text) if text.isdecimal() else text
    try:
        return pydantic.TypeAdapter[Any](kind).validate_python(raw)
    except pydantic.ValidationError as error:
        reason = error.errors()[0]["msg"]
        return Invalid(reason[:1].lower() + reason[1:])


def of_ours(setting: Setting, raw: Any) -> Any:
    try:
        return value_of(setting, raw)
    except Invalid as reason:
        return reason


@pytest.mark.parametrize("name", _SETTINGS)
def test_values_and_reasons_are_those_of_pydantic(name: str) -> None:
    setting = _SETTINGS[name]
    for raw in _TEXTS + _FROM_JSON:
        expected, found = of_pydantic(setting, raw), of_ours(setting, raw)
        assert (type(found), repr(found)) == (type(expected), repr(expected)), raw


def test_the_default_of_every_setting_is_one_that_it_takes() -> None:
    for name, setting in _SETTINGS.items():
        if setting.default is not None:
            assert value_of(setting, setting.default) == setting.default, name
