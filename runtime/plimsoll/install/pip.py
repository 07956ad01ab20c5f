"""Runs pip within the image's constraints, and says in one line what it could not do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from plimsoll.errors import ImageConflict, StartError
from plimsoll.install.pins import Pin
from plimsoll.install.rivals import families, real

_DEPENDS = re.compile(r"^\s+(?P<who>\S+ \S+) depends on (?P<what>.+?)\s*$", re.MULTILINE)
_ASKED = re.compile(r"^\s+The user requested (?P<what>[^(].*?)\s*$", re.MULTILINE)
_PINNED = re.compile(r"^\s+The user requested \(constraint\) (?P<name>[\w.-]+)(?P<spec>\S+)\s*$", re.MULTILINE)
_MISSING = re.compile(r"^ERROR: No matching distribution found for (?P<what>.+?)(?: \(from .*)?$", re.MULTILINE)
_ERROR = re.compile(r"^ERROR: (.+)$", re.MULTILINE)


class InstallFailed(StartError):
    """pip could not fetch or build a package; what it said stands above."""

    code = "install_failed"
    exit_code = 1


def install(lines: Sequence[str], constraints: Path | None, pins: Mapping[str, Pin]) -> None:
    """Raises ImageConflict or InstallFailed. Leaves no cache and no temporary file behind."""
    if lines:
        with tempfile.TemporaryDirectory(prefix="plimsoll-install-") as folder:
            wanted = Path(folder, "requirements.txt")
            wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
            options = ["--constraint", str(constraints)] if constraints else []
            code, said = _pip(folder, "install", "--no-cache-dir", *options, "--requirement", str(wanted))
        shutil.rmtree(Path.home() / ".cache" / "pip", ignore_errors=True)
        if code:
            raise _explained(said, pins)
    _check()


def _pip(folder: str, command: str, *arguments: str) -> tuple[int, str]:
    """Passes on what pip says, and keeps it; what pip unpacks goes into `folder`."""
    # Everybody must be able to read what is installed, whatever user the container gets.
    os.umask(0o022)
    # Constraints are for what is installed; where pip builds a package, that package's own tools are used.
    environment = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--no-warn-script-location"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pip", command, *quiet, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment | {"TMPDIR": folder, "PIP_ROOT_USER_ACTION": "ignore"},
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()
    return process.wait(), "".join(said)


def _explained(said: str, pins: Mapping[str, Pin]) -> StartError:
    """pip's many lines as one; the last is what it says of the first requirement that it gave up."""
    if (pinned := _PINNED.search(said)) is not None:
        return _conflict(said, pinned["name"], pinned["spec"], pins)
    if (missing := _MISSING.search(said)) is not None:
        remedy = "check name and version, and remove what only conda has"
        return InstallFailed(f"there is no {missing['what']} for this Python", remedy=remedy)
    errors = _ERROR.findall(said)
    return InstallFailed(f"pip failed: {errors[-1] if errors else 'see above'}")


def _conflict(said: str, name: str, spec: str, pins: Mapping[str, Pin]) -> ImageConflict:
    depends, asked = _DEPENDS.search(said), _ASKED.search(said)
    who = f"{depends['who']} needs {depends['what']}" if depends else asked["what"] if asked else name
    pin = pins.get(canonicalize_name(name))
    if pin is None:
        return ImageConflict(f"{who}: the image rules out {name}{spec}", remedy="build on another image of Plimsoll")
    return ImageConflict(f"{who}: the image serves with {name} {pin.version}", remedy=pin.remedy)


def _check() -> None:
    """What got past the constraints: files, URLs and options that only pip understands."""
    for family in families():
        if len(side_by_side := real(family)) > 1:
            raise ImageConflict(
                f"{' and '.join(side_by_side)} are both installed, and own the same files",
                remedy="remove the one that the image did not have",
            )
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        more = f", and {len(lines) - 1} more (pip check lists them)" if len(lines) > 1 else ""
        raise ImageConflict(f"{lines[0] if lines else 'pip check failed'}{more}", remedy="change the requirements")
