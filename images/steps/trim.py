"""Removes from installed packages what no server uses: tests, static libraries, TensorFlow's C++ headers.

The headers are for compiling operations of one's own, which takes a compiler that is not here either;
operations that are compiled elsewhere load as ever. usage: trim.py PREFIX
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_HEADERS = "tensorflow/include"
# Test helpers that a package offers to others are called `testing` and stay.
_TESTS = "tests"
_TESTED = ("h5py", "joblib", "numpy", "scipy", "sklearn")


def main(prefix: Path) -> None:
    for packages in prefix.glob("lib/python3*/site-packages"):
        for path in _unused(packages):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _unused(packages: Path) -> Iterator[Path]:
    yield from packages.glob(_HEADERS)
    for name in _TESTED:
        yield from [path for path in packages.glob(f"{name}/**/{_TESTS}") if path.is_dir()]
    yield from list(packages.rglob("*.a"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
