"""Which frameworks are installed that can compute on a GPU, and whether the driver is new enough for them.

Nothing is imported: each framework has the CUDA that it is built with in a text file of its package.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

_FILES = {
    "onnxruntime": ("capi/build_and_package_info.py", re.compile(r"cuda_version\W+(\d+)\.(\d+)")),
    "tensorflow": ("python/platform/build_info.py", re.compile(r"cuda_version\W+(\d+)\.(\d+)")),
    "torch": ("version.py", re.compile(r"^cuda\b.*?(\d+)\.(\d+)", re.MULTILINE)),
}
_OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
"""The first driver branch that runs programs of a CUDA major version, by NVIDIA's compatibility table."""


@dataclass(frozen=True, slots=True)
class Framework:
    """`cuda` is the version that it is built with."""

    name: str
    cuda: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.name} (CUDA {self.cuda[0]}.{self.cuda[1]})"


def gpu_frameworks() -> tuple[Framework, ...]:
    """The installed ones that are built with CUDA; builds for the CPU name none."""
    found = ((name, _cuda_of(name, file, pattern)) for name, (file, pattern) in _FILES.items())
    return tuple(Framework(name, cuda) for name, cuda in found if cuda is not None)


def too_old(driver: str, cuda_driver: tuple[int, int], frameworks: Sequence[Framework]) -> str | None:
    """Why none of `frameworks` can run with this driver; None where one can, or where it cannot be told.

    `cuda_driver`: the newest CUDA that the driver knows; a compatibility package may raise it above the driver's own.
    """
    branch = int(driver.partition(".")[0]) if driver.partition(".")[0].isdecimal() else None
    if branch is None or not frameworks:
        return None
    needs = {one: _OLDEST_DRIVER.get(one.cuda[0], 0) for one in frameworks}
    if any(branch >= oldest or cuda_driver[0] >= one.cuda[0] for one, oldest in needs.items()):
        return None
    wanted = ", ".join(f"{one} needs {oldest} or newer" for one, oldest in needs.items())
    return f"the NVIDIA driver {driver} is too old: {wanted}"


def overwritten() -> str | None:
    """A warning where the CPU build of ONNX Runtime may lie over the GPU build: both are installed into one folder."""
    if _is_installed("onnxruntime") and _is_installed("onnxruntime-gpu"):
        return (
            "onnxruntime and onnxruntime-gpu are both installed, into the same folder: the last one installed is what"
            " runs (pip uninstall onnxruntime onnxruntime-gpu, then install onnxruntime-gpu alone)"
        )
    return None


def _cuda_of(name: str, file: str, pattern: re.Pattern[str]) -> tuple[int, int] | None:
    spec = find_spec(name)
    for folder in spec.submodule_search_locations or () if spec else ():
        try:
            found = pattern.search((Path(folder) / file).read_text(errors="replace"))
        except OSError:
            continue
        if found:
            return int(found[1]), int(found[2])
    return None


def _is_installed(name: str) -> bool:
    """With files of its own: an alias that stands for another distribution has nothing but its metadata."""
    try:
        files = distribution(name).files or ()
    except PackageNotFoundError:
        return False
    return any(file.suffix == ".so" for file in files)
