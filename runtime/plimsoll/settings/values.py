"""The value of a setting from what a flag, a variable or a config file says.

What is taken for a value, and the reason where nothing is, are those of pydantic, whose validation this was; the tests
compare the two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from plimsoll.settings.declarations import Field, Setting

_WHOLE = re.compile(r"[+-]?\d+(_\d+)*(\.0+)?", re.ASCII)
_TRUTHS = dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True)
_TRUTHS |= dict.fromkeys(("0", "off", "f", "false", "n", "no"), False)


class Invalid(Exception):
    """A value is not accepted; the text says what is."""


def value_of(setting: Setting, raw: Any) -> Any:
    """The value in the setting's type, within its limits; raises Invalid."""
    kind = _kind(setting.annotation)
    if get_origin(kind) is tuple:
        return _texts(raw)
    if kind is str:
        return str(raw)
    raw = _said(raw, setting.aliases.values) if isinstance(raw, str) else raw
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind), raw)
    value = _READERS[kind](raw)
    _check_limits(setting.field, value)
    return value


def _kind(annotation: Any) -> Any:
    """The type itself where None would do too."""
    if get_origin(annotation) in (tuple, Literal):
        return annotation
    return next((kind for kind in get_args(annotation) if kind is not type(None)), annotation)


def _said(text: str, other_ways: Mapping[str, str]) -> str | int:
    text = text.strip().lower()
    text = other_ways.get(text, text)
    return int(text) if text.isdecimal() else text  # a Literal of numbers knows no text


def _texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, str | list | tuple):
        raise Invalid("input should be a valid tuple")
    texts = tuple(raw.split(",") if isinstance(raw, str) else raw)
    if not all(isinstance(text, str) for text in texts):
        raise Invalid("input should be a valid string")
    return texts


def _one_of(choices: tuple[Any, ...], raw: Any) -> Any:
    for choice in choices:
        if choice == raw:
            return choice
    *others, last = map(repr, choices)
    raise Invalid(f"input should be {', '.join(others)} or {last}")


def _whole(raw: Any) -> int:
    if isinstance(raw, str):
        if not _WHOLE.fullmatch(raw):
            raise Invalid("input should be a valid integer, unable to parse string as an integer")
        return int(raw.partition(".")[0])
    number = _number_only(raw, "integer")
    if not math.isfinite(number):
        raise Invalid("input should be a finite number")
    if number != int(number):
        raise Invalid("input should be a valid integer, got a number with a fractional part")
    return int(number)


def _number(raw: Any) -> float:
    try:
        return float(raw) if isinstance(raw, str) else float(_number_only(raw, "number"))
    except ValueError:
        raise Invalid("input should be a valid number, unable to parse string as a number") from None


def _number_only(raw: Any, what: str) -> float:
    if not isinstance(raw, int | float):
        raise Invalid(f"input should be a valid {what}")
    return raw


def _truth(raw: Any) -> bool:
    if isinstance(raw, str) or raw in (0, 1):
        known = _TRUTHS.get(raw if isinstance(raw, str) else str(int(raw)))
        if known is not None:
            return known
    is_whole = isinstance(raw, int) or (isinstance(raw, float) and raw.is_integer())
    reason = ", unable to interpret input" if is_whole or isinstance(raw, str) else ""
    raise Invalid(f"input should be a valid boolean{reason}")


_READERS: Mapping[Any, Callable[[Any], Any]] = MappingProxyType({int: _whole, float: _number, bool: _truth})


def _check_limits(field: Field, value: float) -> None:
    """Not a number is within no limits."""
    if field.le is not None and not value <= field.le:
        raise Invalid(f"input should be less than or equal to {field.le}")
    if field.ge is not None and not value >= field.ge:
        raise Invalid(f"input should be greater than or equal to {field.ge}")
    if field.gt is not None and not value > field.gt:
        raise Invalid(f"input should be greater than {field.gt}")
