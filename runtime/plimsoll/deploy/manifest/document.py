"""YAML in which every number says why it is so.

Trees are made of mappings, lists and scalars; `Noted` adds the comment. A number without one is a mistake of ours, and
so is refused. What is None is left out. ruamel.yaml writes comments, too, but wraps none; beside PyYAML, which conda
environments need anyway, it would be a second library for YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, TypeAlias

import yaml

from plimsoll.errors import InternalError

_WIDTH = 120
_NARROWEST = 40
_STEP = "  "
# What YAML 1.1, 1.2 or some reader between them takes for a number, though PyYAML does not.
_NUMERIC = re.compile(r"[-+.]?\d[\d_]*(\.\d*)?([eE][-+]?\d+)?|0[xob][\da-fA-F]+|[yYnN]")
_BREAK = re.compile("[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Noted:
    """A value, or a whole part of a document, with the comment that gives its reason."""

    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """A text of several lines that is written as it stands; the first does not begin with a space."""

    text: str


Tree: TypeAlias = "int | float | str | Noted | Block | Mapping[str, Tree] | Sequence[Tree] | None"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a stream; `head` is the comment above it."""

    content: Mapping[str, Tree]
    head: str = ""

    def lines(self) -> Iterator[str]:
        yield from comment(self.head)
        yield from _mapping(self.content, "")


def write(documents: Iterable[Document]) -> str:
    """The stream as text: the same documents give the same bytes."""
    return "---\n".join("".join(f"{line}\n" for line in document.lines()) for document in documents)


def _mapping(tree: Mapping[str, Tree], indent: str) -> Iterator[str]:
    for key, value in tree.items():
        if value is not None:
            yield from _entry(f"{indent}{_scalar(key)}:", value, indent)


def _entry(beginning: str, value: Tree, indent: str) -> Iterator[str]:
    """`key: value`; its reason behind it where there is room, else above."""
    content, reason = _taken_apart(value)
    if isinstance(content, int | float) and not isinstance(content, bool) and not reason:
        raise InternalError(f"{beginning.strip()} {content}: a number without a reason")
    if isinstance(content, Mapping | list | tuple) and content:
        yield from comment(reason, indent)
        yield beginning
        yield from _nested(content, indent + _STEP)
        return
    if isinstance(content, Block):
        yield from comment(reason, indent)
        yield f"{beginning} |"
        yield from (f"{indent}{_STEP}{line}" for line in content.text.splitlines())
        return
    line = f"{beginning} {_scalar(content)}"
    if len(line) + len(f"  # {reason}") > _WIDTH:
        yield from comment(reason, indent)
        yield line
    else:
        yield f"{line}  # {reason}" if reason else line


def _taken_apart(value: Tree) -> tuple[Any, str]:
    content, reason = (value.value, value.reason) if isinstance(value, Noted) else (value, "")
    if isinstance(content, Mapping):
        content = {key: one for key, one in content.items() if one is not None}
    return content, _harmless(reason)


def _nested(content: Mapping[str, Tree] | Sequence[Tree], indent: str) -> Iterator[str]:
    if isinstance(content, Mapping):
        yield from _mapping(content, indent)
        return
    for item in content:
        yield from _item(item, indent)


def _item(item: Tree, indent: str) -> Iterator[str]:
    """Comments that belong to the first line of an item stand above its dash."""
    content, reason = _taken_apart(item)
    if not isinstance(content, Mapping) or not content:
        yield from _entry(f"{indent}-", item, indent)
        return
    yield from comment(reason, indent)
    dash_is_due = True
    for line in _mapping(content, indent + _STEP):
        if not dash_is_due:
            yield line
        elif (unindented := line.lstrip(" ")).startswith("#"):
            yield indent + unindented
        else:
            yield f"{indent}- {unindented}"
            dash_is_due = False


def comment(text: str, indent: str = "") -> list[str]:
    width = max(_NARROWEST, _WIDTH - len(f"{indent}# "))
    lines = wrap(_harmless(text), width, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in lines]


def _harmless(text: str) -> str:
    """Names are the user's: a line break in one, of whatever alphabet, must not end the comment."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _scalar(value: Any) -> str:
    """PyYAML decides what a plain scalar may be; where other readers differ from it, the text is quoted."""
    if isinstance(value, Mapping | list | tuple):
        return "{}" if isinstance(value, Mapping) else "[]"
    quoted = isinstance(value, str) and (_NUMERIC.fullmatch(value) or _BREAK.search(value))
    text = yaml.safe_dump(value, default_style='"' if quoted else None, allow_unicode=True, width=float("inf"))
    return text.removesuffix("\n").removesuffix("\n...")
