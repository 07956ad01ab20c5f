"""Lays out the guest's disk: this Python, the packages that profiling and its tests need, their libraries, the project.

usage: guest_files.py FOLDER
"""

from __future__ import annotations

import compileall
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[2]
PACKAGES = ("plimsoll-runtime", "pytest", "pytest-timeout")
LEFT_OUT = shutil.ignore_patterns("test", "tests", "idlelib", "tkinter", "ensurepip", "config-*", "site-packages")
_LIBRARY = re.compile(r"(/\S+\.so\S*)")


def main(root: Path) -> None:
    python = Path(sys.executable).resolve()
    site, library = root / "plimsoll/site", Path(f"lib/python{sys.version_info[0]}.{sys.version_info[1]}")
    for folder in ("bin", "dev", "proc", "sys", "tmp", "etc"):
        (root / folder).mkdir(parents=True)
    home = root / sys.base_prefix.lstrip("/")
    shutil.copytree(Path(sys.base_prefix) / library, home / library, ignore=LEFT_OUT, symlinks=True)
    (home / "bin").mkdir()
    shutil.copy2(python, home / "bin/python3")
    site.mkdir(parents=True)
    for package in sorted(needed(PACKAGES)):
        copy_package(metadata.distribution(package), site)
    for folder in ("runtime", "tests"):
        shutil.copytree(PROJECT / folder, root / "plimsoll" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(PROJECT / "pyproject.toml", root / "plimsoll")
    for library_file in libraries([python, *root.rglob("*.so"), *root.rglob("*.so.*")]):
        target = root / str(library_file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library_file, target)
    shutil.copy2(str(shutil.which("busybox")), root / "bin/busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nsomebody:x:1000:1000::/tmp:/bin/sh\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    places = "/plimsoll/runtime:/plimsoll/site:/plimsoll/tests/profiling"
    paths = f"export PYTHONPATH={places} PATH={sys.base_prefix}/bin:/bin HOME=/tmp\n"
    (root / "plimsoll/environment").write_text(paths + "export PYTHONDONTWRITEBYTECODE=1\n")
    compileall.compile_dir(root / "plimsoll", quiet=2, workers=0)


def needed(names: tuple[str, ...]) -> set[str]:
    """These and what they require here, without their extras."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            requirements = map(Requirement, metadata.requires(name) or ())
            waiting += [each.name for each in requirements if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


def copy_package(package: metadata.Distribution, site: Path) -> None:
    """Its top-level folders and files; an editable project has none but its metadata."""
    tops = {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}
    for top in sorted(tops):
        source = Path(str(package.locate_file(top)))
        if source.is_dir():
            shutil.copytree(source, site / top, dirs_exist_ok=True, symlinks=True)
        elif source.suffix != ".pth":
            shutil.copy2(source, site / top)


def libraries(programs: list[Path]) -> Iterator[Path]:
    """What the dynamic linker would load for them, itself included."""
    done = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if not line.endswith(":")]
    yield from sorted({Path(found) for line in lines for found in _LIBRARY.findall(line)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
