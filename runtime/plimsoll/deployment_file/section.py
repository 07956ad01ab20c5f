"""A mapping in a deployment file, whose keys are taken one by one; every mistake names file, line and key.

Keys that nobody has asked for when `close()` is called are unknown. What counts as text, a number or a truth value is
what Azure's own package accepts (marshmallow's fields): `"3"` is a number, `3` is no text.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

import yaml

from plimsoll.errors import UsageError

_Kind = TypeVar("_Kind")
_NULL = "tag:yaml.org,2002:null"
_TRUTHS = dict.fromkeys(("t", "true", "on", "y", "yes", "1"), True)
_TRUTHS |= dict.fromkeys(("f", "false", "off", "n", "no", "0"), False)


class Section:
    """`name` is the path of keys down to it, empty for the whole file; all sections share `notes`, for the user."""

    def __init__(self, file: Path, node: yaml.MappingNode, notes: list[str] | None = None) -> None:
        self.file = file
        self.notes = [] if notes is None else notes
        self._twins = _twins(node)
        self._nulls_are_absent = False
        self._open(node, "")

    def _below(self, node: yaml.MappingNode, name: str) -> Section:
        below = copy(self)
        below._open(node, name)
        return below

    def _open(self, node: yaml.MappingNode, name: str) -> None:
        self._node = node
        self._name = name
        self._loader = yaml.SafeLoader("")
        self._note_twins()
        self._merge()
        self._values = dict(self._pairs())
        self._asked: dict[str, None] = {}

    def _pairs(self) -> Iterator[tuple[str, yaml.Node]]:
        """Of a key that is there twice the last one counts, as for Azure's package."""
        for key, value in self._node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, f"{self._name or 'the file'} has a key that is not text")
            yield key.value, value

    def _note_twins(self) -> None:
        for name, times in self._twins.get(id(self._node), {}).items():
            self.notes.append(f"{self.place(name)} is there {times} times: the last one counts")

    def _merge(self) -> None:
        try:
            self._loader.flatten_mapping(self._node)
        except yaml.YAMLError as error:
            raise self._error(self._node, f"{self._name or 'the file'}: {_problem(error)}") from None

    def __contains__(self, key: str) -> bool:
        return key in self._values and not self._is_absent(self._values[key])

    def leave_out_nulls(self) -> None:
        """A known key without a value counts as absent from now on, in sections below too."""
        self._nulls_are_absent = True

    def names(self) -> list[str]:
        """All of them, which are known by that."""
        self._asked |= dict.fromkeys(self._values)
        return list(self._values)

    def text(self, key: str) -> str | None:
        found = self._value(key, str, "not text", "put it into quotes")
        if found is not None and any("\ud800" <= character <= "\udfff" for character in found):
            raise self.error(key, f"{found!r} has half a character, which no text file can hold")
        return found

    def whole(self, key: str, least: int | None = None) -> int | None:
        found = self._value(key, _whole, "not a whole number")
        if found is not None and least is not None and found < least:
            raise self.error(key, f"{found} is below {least}")
        return found

    def number(self, key: str) -> float | None:
        return self._value(key, _number, "not a number")

    def truth(self, key: str) -> bool | None:
        return self._value(key, _truth, "neither true nor false")

    def one_of(self, key: str, *choices: str) -> str | None:
        found = self.text(key)
        if found is not None and found not in choices:
            raise self.error(key, f"{found!r} is not one of {', '.join(choices)}")
        return found

    def scalar(self, key: str) -> str | None:
        """Text or number, as it is written."""
        node = self._find(key)
        if node is not None and not isinstance(node, yaml.ScalarNode):
            raise self.error(key, "a list or a mapping is not a value")
        return None if node is None else str(node.value)

    def any(self, key: str) -> Any:
        """Whatever it is; for keys whose values mean nothing here."""
        node = self._find(key)
        return None if node is None else self._constructed(key, node)

    def node(self, key: str) -> yaml.Node | None:
        return self._find(key)

    def section(self, key: str) -> Section | None:
        node = self._find(key)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            raise self.error(key, "not a mapping of keys to values")
        return self._below(node, self._full(key))

    def is_text(self, key: str) -> bool:
        return isinstance(self._values.get(key), yaml.ScalarNode)

    def sections(self, key: str) -> list[Section]:
        """Those of a list."""
        node = self._find(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode) or not all(isinstance(one, yaml.MappingNode) for one in node.value):
            raise self.error(key, "not a list of mappings")
        return [self._below(one, f"{self._full(key)}[{at}]") for at, one in enumerate(node.value)]

    def required(self, key: str) -> str:
        found = self.text(key)
        if not found:
            raise self._error(self._node, f"{self._full(key)} is missing", "the platform requires it")
        return found

    def close(self) -> None:
        """Raises UsageError for keys that nobody has asked for."""
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, "unknown key", self._nearest(key))

    def error(self, key: str, reason: str, remedy: str = "") -> UsageError:
        """To be raised: file, line and key stand before the reason."""
        return self._error(self._values.get(key, self._node), f"{self._full(key)}: {reason}", remedy)

    def place(self, key: str) -> str:
        """`deployment.yml: model.path`, as settings name what gave them."""
        return f"{self.file}: {self._full(key)}"

    def _nearest(self, key: str) -> str:
        asked = {name.lower(): name for name in self._asked}
        nearest = difflib.get_close_matches(key.lower(), asked, n=1)
        return f"did you mean {asked[nearest[0]]}?" if nearest else f"there are {', '.join(sorted(self._asked))}"

    def _find(self, key: str) -> yaml.Node | None:
        self._asked[key] = None
        node = self._values.get(key)
        if node is None or self._is_absent(node):
            return None
        if node.tag == _NULL:
            raise self.error(key, "no value", "give one, or remove the line")
        return node

    def _is_absent(self, node: yaml.Node) -> bool:
        return self._nulls_are_absent and node.tag == _NULL

    def _value(self, key: str, kind: Callable[[Any], _Kind], reason: str, remedy: str = "") -> _Kind | None:
        node = self._find(key)
        if node is None:
            return None
        raw = self._constructed(key, node)
        try:
            if kind is str and not isinstance(raw, str):
                raise TypeError
            return kind(raw)
        except (ValueError, TypeError, OverflowError):
            shown = repr(node.value) if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
            raise self.error(key, f"{shown} is {reason}", remedy) from None

    def _constructed(self, key: str, node: yaml.Node) -> Any:
        """A text may look like one of YAML's own types and be none: `2026-13-01`."""
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            raise self.error(key, _problem(error)) from None

    def _full(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

    def _error(self, node: yaml.Node, reason: str, remedy: str = "") -> UsageError:
        return UsageError(f"deployment file {self.file}, line {node.start_mark.line + 1}: {reason}", remedy=remedy)


def _twins(root: yaml.Node) -> dict[int, dict[str, int]]:
    """By the id of a mapping, its keys that are there several times, and how often.

    Found before any keys are merged (`<<`): merged ones may rightly be there twice, in nodes that aliases share too.
    """
    found: dict[int, dict[str, int]] = {}
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if id(node) in found or isinstance(node, yaml.ScalarNode):
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        times = Counter(key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode))
        found[id(node)] = {name: count for name, count in times.items() if count > 1}
        nodes += [value for _, value in pairs] if isinstance(node, yaml.MappingNode) else node.value
    return found


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).partition("\n")[0]


def _whole(raw: Any) -> int:
    if isinstance(raw, bool):
        raise TypeError
    return int(raw)


def _number(raw: Any) -> float:
    if isinstance(raw, bool):
        raise TypeError
    return float(raw)


def _truth(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    found = _TRUTHS.get(str(raw).lower())
    if found is None:
        raise ValueError
    return found
