"""The interpreter for a stand-in base image: a CPython of this machine in a folder of its own, built with _tkinter."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_ASK = """
import importlib.util, os, sys
if os.path.realpath(sys.base_prefix) != "/usr" and importlib.util.find_spec("_tkinter"):
    print("%d.%d" % sys.version_info[:2])
"""


def stand_in_python(version: str) -> str | None:
    """`version` as in "3.11"; this interpreter if it will do, else the first that does."""
    return next((python for python in _candidates(version) if _is(python, version)), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    # Continuous integration may run with a PATH and a HOME of its own.
    homes = [os.environ.get("PYENV_ROOT", ""), str(Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv"))]
    for home in homes:
        found = Path(home, "versions").glob(f"{version}*/bin/python3") if home else ()
        yield from (str(python) for python in sorted(found))
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/bin", "/opt/python/bin"])
    if on_path := shutil.which(f"python{version}", path=path):
        yield on_path


def _is(python: str, version: str) -> bool:
    """Not one that is the distribution's, or does not run."""
    answered = subprocess.run([python, "-c", _ASK], capture_output=True, text=True)
    return answered.returncode == 0 and answered.stdout.strip() == version
