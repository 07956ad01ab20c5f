"""Run once while an image is built: writes down what serves, so that no later `pip install` replaces it.

    python -m plimsoll.install.seal /opt/plimsoll/constraints.txt

The constraints hold the server, the frameworks and all that they need, in the versions that are installed. What is
there for convenience only (scikit-learn) is left to the user, who may need the version that made the model. So are the
tools that build packages. Of distributions that own the same files, those that are not installed are ruled out, and
the general name becomes an alias: a library that asks for `tensorflow` finds it where `tensorflow-cpu` is.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from plimsoll.install.rivals import alias_files, families, find, real

_SERVER = "plimsoll-runtime"
_BUILD_TOOLS = frozenset({"pip", "setuptools", "wheel"})
_EXTRAS = {"tensorflow": ("and-cuda",)}


def main(arguments: list[str]) -> int:
    lines = [*_served(), *_families(Path(sysconfig.get_path("purelib")))]
    Path(arguments[0]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def _served() -> Iterator[str]:
    """One pin per distribution, with the one for whose sake it is there."""
    done: set[str] = set()
    for root in (_SERVER, *(name for family in families() for name in real(family))):
        for found in _closure(root, done):
            yield f"{canonicalize_name(found.name)}=={found.version}  # {root}"


def _closure(root: str, done: set[str]) -> Iterator[Distribution]:
    """`root` and what it requires, as far as it is installed and not in `done` yet."""
    found = find(root)
    if root in done or root in _BUILD_TOOLS or found is None:
        return
    done.add(root)
    if root != _SERVER:
        yield found
    for text in found.requires or ():
        requirement = Requirement(text)
        if _applies(requirement, _EXTRAS.get(root, ())):
            yield from _closure(canonicalize_name(requirement.name), done)


def _applies(requirement: Requirement, extras: tuple[str, ...]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _families(site_packages: Path) -> Iterator[str]:
    for family in families():
        installed = real(family)
        if not installed:
            continue
        yield f"# These own the files of {installed[0]}:"
        for name in family:
            if name == family[0] and name not in installed:
                yield _make_alias(name, installed[0], site_packages)
            elif name not in installed:
                yield f"{name}<0"


def _make_alias(name: str, behind: str, site_packages: Path) -> str:
    found = find(behind)
    assert found is not None
    folder = site_packages / f"{name}-{found.version}.dist-info"
    folder.mkdir(exist_ok=True)
    for file, text in alias_files(name, found).items():
        (folder / file).write_text(text, encoding="utf-8")
    return f"{name}=={found.version}  # {behind}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
