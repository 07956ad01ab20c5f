"""The interpreter for a stand-in base image: a CPython of its own, not spread over the distribution's /usr."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_VERSIONS = ("3.11", "3.12", "3.13")
"""Those that the images' locks have packages for, the images' own first."""
_ASK = "import ensurepip, os, sys; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys.base_prefix))"


def stand_in_python() -> str:
    """This interpreter if it will do, else another of this machine; this one where none does, which then says why."""
    found = [(version, python) for python in _candidates() if (version := _version(python)) in _VERSIONS]
    if sys.executable in (python for _, python in found):
        return sys.executable
    return min(found, default=("", sys.executable))[1]


def _candidates() -> Iterator[str]:
    yield sys.executable
    # Continuous integration may run with a PATH and a HOME of its own.
    homes = [os.environ.get("PYENV_ROOT", ""), str(Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv"))]
    for home in homes:
        yield from (str(python) for python in sorted(Path(home, "versions").glob("3.*/bin/python3")) if home)
    names = (f"{folder}/python{version}" for folder in ("/usr/local/bin", "/opt/python/bin") for version in _VERSIONS)
    yield from (name for name in names if shutil.which(name))


def _version(python: str) -> str:
    """Empty for one that is the distribution's, or does not run."""
    told = subprocess.run([python, "-c", _ASK], capture_output=True, text=True)
    version, _, prefix = told.stdout.strip().partition(" ")
    return "" if told.returncode or prefix == "/usr" else version
