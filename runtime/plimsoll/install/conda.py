"""A conda environment file, as far as pip can follow it: the pip section, and plain packages by name and version.

Channels say where conda would look, and are passed over. What PyPI does not have is named, not installed.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from plimsoll.errors import ImageConflict, RequirementsError
from plimsoll.install.lines import Line, Place, parse_line, text_of
from plimsoll.install.substitutes import CONDA_ONLY, PYPI_NAMES

_TAKEN = frozenset({"name", "channels", "dependencies", "prefix", "variables"})
# conda-forge::numpy[build=…] 1.26.*=py311_0: channel, name, and everything behind them.
_PACKAGE = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<version>[^\[\]]*)$")


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is not done, in one line."""

    text: str

    def __str__(self) -> str:
        return self.text


def read_environment(path: Path, python: str | None = None) -> Iterator[Line | Note]:
    """Raises RequirementsError with file and line, ImageConflict for another Python. `python`: the running one."""
    return in_environment(path, _parsed(path), python)


def in_environment(path: Path, root: yaml.Node, python: str | None = None) -> Iterator[Line | Note]:
    """The same of an environment that stands inside another file."""
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        place = _place(path, key)
        if key.value == "dependencies":
            for item in _items(path, value, "dependencies"):
                yield from _dependency(path, item, python or platform.python_version())
        elif key.value == "channels":
            yield Note(f"{place}: channels are ignored, everything comes from PyPI")
        elif key.value == "variables":
            yield Note(f"{place}: variables are not set, put them into the Dockerfile as ENV")
        elif key.value not in _TAKEN:
            raise RequirementsError(f"{place}: {key.value!r} is not known in a conda environment")


def _parsed(path: Path) -> yaml.Node:
    try:
        root = yaml.compose(text_of(path), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise RequirementsError(
            f"{path}{f', line {mark.line + 1}' if mark else ''}: not valid YAML: {reason}"
        ) from None
    names = [key.value for key, _ in root.value] if isinstance(root, yaml.MappingNode) else []
    if root is None or "dependencies" not in names:
        raise RequirementsError(f"{path}: not a conda environment: it has no 'dependencies'")
    return root


def _items(path: Path, node: yaml.Node, what: str) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return []
    raise RequirementsError(f"{_place(path, node)}: {what} must be a list")


def _dependency(path: Path, item: yaml.Node, python: str) -> Iterator[Line | Note]:
    place = _place(path, item)
    if isinstance(item, yaml.ScalarNode):
        yield from _package(item.value.strip(), place, python)
    elif isinstance(item, yaml.MappingNode) and [key.value for key, _ in item.value] == ["pip"]:
        for entry in _items(path, item.value[0][1], "pip"):
            if not isinstance(entry, yaml.ScalarNode):
                raise RequirementsError(f"{_place(path, entry)}: not a requirement")
            yield from parse_line(entry.value.strip(), _place(path, entry), path.parent)
    else:
        raise RequirementsError(f"{place}: neither a package nor a pip section")


def _package(text: str, place: Place, python: str) -> Iterator[Line | Note]:
    found = _PACKAGE.match(text)
    if found is None:
        raise RequirementsError(f"{place}: {text!r} is not understood", remedy="write it as name=version")
    name, specifier = found["name"].lower(), _specifier(found["version"].strip(), text, place)
    if name == "python":
        _check_python(specifier, text, place, python)
    elif name in CONDA_ONLY:
        yield Note(f"{name} ({place}): a conda-only package: {CONDA_ONLY[name]}")
    elif name in ("pip", "setuptools", "wheel"):
        yield Note(f"{name} ({place}): the image has its own")
    else:
        asked = PYPI_NAMES.get(name, name)
        yield Line(f"{asked}{specifier}", Requirement(f"{asked}{specifier}"), text, place)


def _specifier(version: str, text: str, place: Place) -> SpecifierSet:
    """Of `=1.26` conda means any 1.26.x; what follows a second `=` is the build, which PyPI does not have."""
    operator = version[: len(version) - len(version.lstrip("=<>!~"))]
    number = version[len(operator) :].partition("=")[0].strip()
    try:
        if operator in ("", "="):
            return SpecifierSet(f"=={number.rstrip('*').rstrip('.')}.*" if number.rstrip("*") else "")
        return SpecifierSet(f"=={number}" if operator == "==" else version)
    except InvalidSpecifier:
        raise RequirementsError(f"{place}: the version in {text!r} is not understood") from None


def _check_python(specifier: SpecifierSet, text: str, place: Place, running: str) -> None:
    if not specifier.contains(running, prereleases=True):
        short = ".".join(running.split(".")[:2])
        raise ImageConflict(
            f"{text} ({place}): this image runs Python {running}",
            remedy=f"write python={short}, or build the image on another Python with --build-arg PYTHON_IMAGE=…",
        )


def _place(path: Path, node: yaml.Node) -> Place:
    return Place(str(path), node.start_mark.line + 1)
