"""The base that the images are built on: the official Python image, or a stand-in where that cannot be pulled."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from image_engine import REPOSITORY, SCRIPTS, Engine, NoEngine, last_line
from image_python import stand_in_python

OTHER_VERSIONS = ("3.12", "3.13")
"""Those that the images' locks have packages for, besides the images' own."""
_MAKERS = ("make-base.sh", "make-debian.sh")


@dataclass(frozen=True)
class Base:
    """`version` as in "3.11"; `reference` names the image by its digest where the engine knows one."""

    name: str
    version: str
    is_stand_in: bool
    reference: str

    @property
    def digest(self) -> str:
        return self.reference.partition("@")[2]


def default_version() -> str:
    """That of the base which the Dockerfiles name."""
    found = re.search(r"python:(\d+\.\d+)", _official())
    assert found, _official()
    return found[1]


def base_image(engine: Engine, version: str, say: Callable[[str], None]) -> Base:
    """The official image of that Python, else a stand-in. Raises NoEngine where neither can be had."""
    wanted = _official().replace(default_version(), version)
    if engine.pull(wanted):
        return Base(wanted, version, False, engine.reference(wanted))
    name = f"localhost/plimsoll-base:{version}-{_edition()}"
    say(f"{wanted} CANNOT BE PULLED: building on a stand-in made of this machine's Debian and CPython")
    if not engine.has(name):
        _make_stand_in(engine, version, name, wanted)
    return Base(name, version, True, engine.reference(name))


def _make_stand_in(engine: Engine, version: str, name: str, wanted: str) -> None:
    python = stand_in_python(version)
    if python is None:
        raise NoEngine(
            f"no base image: {wanted} cannot be pulled, and no CPython {version} of this machine can stand in for it: "
            "install one with a prefix of its own (pyenv), built with tk-dev there"
        )
    command = [SCRIPTS / "make-base.sh", engine.command, name, python]
    made = subprocess.run(command, capture_output=True, text=True, env=engine.environment())
    if made.returncode:
        raise NoEngine(f"no base image: {wanted} cannot be pulled, and {last_line(made.stderr)}")


def _official() -> str:
    """What a user gets who says nothing."""
    found = re.search(r"^ARG PYTHON_IMAGE=(\S+)", (REPOSITORY / "Dockerfile.cpu").read_text(), re.MULTILINE)
    assert found, "Dockerfile.cpu has no ARG PYTHON_IMAGE"
    return found[1]


def _edition() -> str:
    """Changes with the scripts, so that a stand-in made by older ones is not taken for a new one."""
    return hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in _MAKERS)).hexdigest()[:12]
