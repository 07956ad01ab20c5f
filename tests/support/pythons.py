"""The Pythons of this machine: found on the PATH, and among those that pyenv keeps off it.

Also a program, started by `make test-pythons`: runs `make test-short` on every supported Python but the one that runs
it, whose tests `make test` runs in full, and says which it found and which not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from plimsoll.pythons import NEWEST, OLDEST

SUPPORTED = [f"{OLDEST[0]}.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
NEWEST_WITH_TENSORFLOW = (3, 13)
_NAME = re.compile(r"python3(\.\d+)?")
_TELL = "import sys; print('%d.%d' % sys.version_info[:2], sys.version.split()[0])"


def installed() -> dict[str, tuple[str, str]]:
    """Path and full version by version such as 3.12, of each that really runs: a shim may be there and refuse."""
    found: dict[str, tuple[str, str]] = {}
    for path in filter(lambda one: os.access(one, os.X_OK), _candidates()):
        done = subprocess.run([path, "-c", _TELL], capture_output=True, text=True)
        if done.returncode == 0:
            version, full = done.stdout.split()
            found.setdefault(version, (str(path), full))
    return found


def _candidates() -> Iterator[Path]:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield from sorted(path for path in Path(folder).glob("python3*") if _NAME.fullmatch(path.name))
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        yield from sorted(Path(root).glob("versions/*/bin/python3"))


def _outcome(version: str, found: dict[str, tuple[str, str]]) -> str:
    if version == "{}.{}".format(*sys.version_info[:2]):
        return "the default: `make test` runs everything on it"
    if version not in found:
        return "NOT FOUND on the PATH or in pyenv: not tested"
    path, full = found[version]
    print(f"== Python {full} ({path})", flush=True)
    began = time.monotonic()
    code = subprocess.run(["make", "--no-print-directory", "test-short", f"PYTHON={path}"]).returncode
    return f"{'FAILED' if code else 'passed'} in {time.monotonic() - began:.0f} s ({full}, {path})"


def main() -> int:
    found = installed()
    outcomes = {version: _outcome(version, found) for version in SUPPORTED}
    print("\n".join(f"Python {version}: {outcome}" for version, outcome in outcomes.items()))
    return int(any(outcome.startswith("FAILED") for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
