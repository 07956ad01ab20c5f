"""Requirement files as pip reads them, line by line, with the place of each line.

What is a requirement by name is parsed, for it can be judged before anything is downloaded; options, paths and URLs
are handed on to pip as they are.
"""

from __future__ import annotations

import codecs
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from plimsoll.errors import RequirementsError

_COMMENT = re.compile(r"(^|\s+)#.*$")
_NESTED = ("-r", "--requirement")
_WITH_A_FILE = ("-c", "--constraint", "-e", "--editable", "-f", "--find-links")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class Place:
    """`line` counts from 1; 0 is the command line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Line:
    """`text` is what pip gets; `requirement` is None where only pip can judge it. `asked` is how the user wrote it."""

    text: str
    requirement: Requirement | None
    asked: str
    place: Place


def read_requirements(path: Path, above: tuple[Path, ...] = ()) -> Iterator[Line]:
    """Raises RequirementsError with file and line. `above`: the files that include this one."""
    if path.resolve() in above:
        raise RequirementsError(f"{path}: includes itself")
    for number, text in _joined(text_of(path)):
        yield from parse_line(text, Place(str(path), number), path.parent, (*above, path.resolve()))


def parse_line(text: str, place: Place, folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Line]:
    """`folder`: what relative file names are relative to."""
    if text.startswith("-"):
        yield from _option(text, place, folder, above)
    elif "://" in text.partition(" @ ")[0] or text.startswith(("./", "../", "/")) or _is_archive(text):
        yield Line(text, None, text, place)
    else:
        yield Line(text, _requirement(text, place), text.partition(" --")[0].strip(), place)


def _option(text: str, place: Place, folder: Path, above: tuple[Path, ...]) -> Iterator[Line]:
    words = [part for word in _split(text, place) for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if words[0] in _NESTED:
        if len(words) != 2:
            raise RequirementsError(f"{place}: {words[0]} takes the name of one file")
        try:
            yield from read_requirements(folder / words[1], above)
        except RequirementsError as error:
            raise RequirementsError(f"{error.message}, included in {place}") from None
        return
    if words[0] in _WITH_A_FILE and len(words) == 2 and (folder / words[1]).exists():
        text = f"{words[0]} {folder.resolve() / words[1]}"
    yield Line(text, None, text, place)


def _split(text: str, place: Place) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise RequirementsError(f"{place}: {error}: {text}") from None


def _requirement(text: str, place: Place) -> Requirement:
    # Options of a single requirement, such as its hashes, stand behind it.
    head = re.split(r"\s--", text, maxsplit=1)[0]
    try:
        return Requirement(head)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise RequirementsError(f"{place}: {head!r} is not a valid requirement: {reason}") from None


def _is_archive(text: str) -> bool:
    return text.endswith(_ARCHIVES) and " @ " not in text


def text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RequirementsError(f"{path}: cannot be read: {os.strerror(error.errno or 0)}") from None
    # What `pip freeze > requirements.txt` writes in a Windows shell begins with the mark of UTF-16.
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RequirementsError(f"{path}, line {line}: not UTF-8 text", remedy="save the file as UTF-8") from None
    if "\0" in text:
        raise RequirementsError(f"{path}: not a text file")
    return text


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those that end in a backslash joined with the next; numbered by their first."""
    held, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        first = first if held else number
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            held += raw[:-1] + " "
            continue
        line = _COMMENT.sub("", held + raw).strip()
        held = ""
        if line:
            yield first, line
    if line := held.strip():
        yield first, line
