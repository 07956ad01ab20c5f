"""Finds files that need a shared library which is not there: such a file fails only when it is first used.

    libraries.py                 exit code 1, and a line for each library that a file needs and does not find
    libraries.py --record        the same lines for the base image, before anything of ours is in it; kept in the image

What the base image lacked already is its maker's decision and excused: the official Python images leave Tk out on
purpose, so that `import tkinter` fails there by design. Whatever came later, a layer of ours or of a user's image, must
be whole: `RUN python /opt/plimsoll/steps/libraries.py` at the end of a Dockerfile stops a build that is not.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_RECORD = Path("/opt/plimsoll/base-lacks.txt")
# Where things are put that no Debian package owns; what Debian installs, it installs with what that needs.
_SEARCHED = ("/usr/local", "/opt", "/srv", "/home", "/var/azureml-app")
# What only the machine that the container runs on can bring: the driver.
_FROM_THE_DRIVER = re.compile(r"libcuda\.so\.1$|libnvidia-.*\.so")
# ONNX Runtime's TensorRT provider is loaded on demand; TensorRT is not part of the image.
_OPTIONAL = re.compile(r"libnvinfer(_plugin)?\.so|libnvonnxparser\.so")


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--record"]):
        sys.stderr.write("usage: libraries.py [--record]\n")
        return 2
    binaries = sorted(_binaries())
    lacking = list(_lacking(binaries))
    if arguments:
        _RECORD.write_text("".join(f"{line}\n" for line in lacking))
        return 0
    excused = set(_RECORD.read_text().splitlines())
    missing = [line for line in lacking if line not in excused]
    for line in missing:
        print(f"{line}, which is not found")
    known = f", {len(lacking) - len(missing)} missing in the base image already" if len(lacking) > len(missing) else ""
    sys.stderr.write(f"{len(binaries)} shared libraries and programs looked at: {len(missing)} missing{known}\n")
    return 1 if missing else 0


def _binaries() -> Iterator[Path]:
    """Libraries by their name, and programs by their mode."""
    for root in _SEARCHED:
        for folder, _, names in os.walk(root):
            yield from (path for name in names if _is_binary(path := Path(folder, name)))


def _is_binary(path: Path) -> bool:
    mode = path.lstat().st_mode
    if not stat.S_ISREG(mode) or not (mode & stat.S_IXUSR or re.search(r"\.so(\.[\d.]+)?$", path.name)):
        return False
    if not os.access(path, os.R_OK):
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _lacking(binaries: list[Path]) -> Iterator[str]:
    """`FILE needs LIBRARY`, as the loader resolves them."""
    with ThreadPoolExecutor(4) as pool:
        for path, names in zip(binaries, pool.map(_missing, binaries), strict=True):
            yield from (f"{path} needs {name}" for name in names)


def _missing(path: Path) -> list[str]:
    # What auditwheel puts into NAME.libs is only reached through extension modules that know the folder.
    environment = {"LD_LIBRARY_PATH": str(path.parent)} if path.parent.suffix == ".libs" else {}
    done = subprocess.run(["ldd", path], capture_output=True, text=True, env=os.environ | environment)
    names = re.findall(r"^\s*(\S+) => not found", done.stdout, re.MULTILINE)
    return [name for name in names if not _FROM_THE_DRIVER.match(name) and not _OPTIONAL.match(name)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
