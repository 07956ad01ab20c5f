"""Packs what a GPU machine without a package registry needs: ``python -m benchmarks.gpu.kit`` (`make gpu-proof-kit`).

Plimsoll's wheel, the wheels of what it depends on, by the hashes of the image's lock, for each Python; pip's own, as
not every Python has it; this proof; and `prove.py`, which installs and runs it all.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.folders import ROOT

PYTHONS = ("3.11", "3.12", "3.13")
MOST_BYTES = 50_000_000
_LOCK = ROOT / "images" / "locks" / "slim.txt"
# What a wheel for any x86-64 Linux of the last years may call itself.
_PLATFORMS = [
    *(f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 26, 24, 17, 12, 5)),
    *(f"manylinux{old}_x86_64" for old in (2014, 2010, 1)),
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Packs the proof and what it needs, to be installed without a network."
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "gpu-proof-kit")
    folder: Path = parser.parse_args().output.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    _pip("download", "--no-deps", "--only-binary=:all:", "--dest", str(wheels), "pip")
    for python in PYTHONS:
        _download(python, wheels)
    _copy_proof(folder)
    size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {len(list(wheels.iterdir()))} wheels, {size_bytes / 1e6:.1f} MB; python3 {folder.name}/prove.py")
    if size_bytes > MOST_BYTES:
        sys.exit(f"the kit is larger than {MOST_BYTES / 1e6:.0f} MB")


def _download(python: str, wheels: Path) -> None:
    abi = f"cp{python.replace('.', '')}"
    tags = [argument for name in _PLATFORMS for argument in ("--platform", name)]
    tags += ["--python-version", python, "--implementation", "cp"]
    tags += [argument for name in (abi, "abi3", "none") for argument in ("--abi", name)]
    target = [
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
        "--requirement",
        str(_LOCK),
        "--dest",
        str(wheels),
    ]
    _pip("download", *tags, *target)


def _copy_proof(folder: Path) -> None:
    """As it lies in the repository: the kit alone is enough."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "benchmarks" / "gpu", folder / "benchmarks" / "gpu", ignore=ignored)
    for name in ("__init__.py", "folders.py"):
        shutil.copy2(ROOT / "benchmarks" / name, folder / "benchmarks" / name)
    shutil.copy2(ROOT / "benchmarks" / "gpu" / "prove.py", folder / "prove.py")


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check", *arguments[1:]]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
