"""A machine with the GPUs that a test wants: a stand-in for the driver's library, which real programs load.

nvidia-ml-py, its ctypes calls and everything above run as they are; only the library under them is ours.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).with_name("library.c")
GIB = 2**30


def build(folder: Path, *flags: str) -> Path:
    """Compiles the library into `folder`, where a program with it in LD_LIBRARY_PATH finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "libnvidia-ml.so.1"
    command = ["gcc", "-shared", "-fPIC", "-O1", f"-Wl,-soname,{name}", *flags, "-o", str(folder / name), str(SOURCE)]
    subprocess.run(command, check=True)
    return folder


@dataclass
class Device:
    """One GPU or one MIG slice. `values` are the keys of library.c; without a key a thing is not supported."""

    values: dict[str, str | int | None]
    processes: list[str] = field(default_factory=list)
    slices: list[Device] = field(default_factory=list)

    def lines(self, section: str) -> list[str]:
        values = [f"{key} {value}" for key, value in self.values.items() if value is not None]
        own = [f"[{section}]", *values, *(f"process {text}" for text in self.processes)]
        return own + [line for number, one in enumerate(self.slices) for line in one.lines(f"{section}/{number}")]


def gpu(number: int, **values: str | int | None) -> Device:
    """A big one that is not used by anybody."""
    usual: dict[str, str | int | None] = {"uuid": f"GPU-{number}a000000-0000-0000-0000-000000000000"}
    usual |= {"name": "Stand-in GPU", "total": 80 * GIB, "used": GIB // 4, "reserved": GIB // 2, "busy": 0}
    usual |= {"milliwatts": 70_000, "millijoules": 1_000_000, "celsius": 40, "slowed": 1}
    return Device(usual | values)


def mig_slice(number: int, **values: str | int | None) -> Device:
    """A slice tells its memory and no more."""
    usual: dict[str, str | int | None] = {"uuid": f"MIG-{number}b000000-0000-0000-0000-000000000000"}
    usual |= {"name": "Stand-in GPU MIG 1g.10gb", "total": 10 * GIB, "used": GIB // 64}
    return Device(usual | values)


class Machine:
    """`environment` makes a program see it; after a change `write` it, and the next call sees the change."""

    def __init__(self, library: Path, state: Path) -> None:
        self._library = library
        self._state = state
        self.driver: dict[str, str | int | None] = {"driver": "580.82.07", "cuda": 13000}
        self.gpus: list[Device] = []
        self.write()

    @property
    def environment(self) -> dict[str, str]:
        paths = [str(self._library), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {"LD_LIBRARY_PATH": ":".join(paths), "STANDIN_NVML": str(self._state)}

    def write(self) -> None:
        """At one go: who reads at the same time sees the old or the new."""
        lines = [f"{key} {value}" for key, value in self.driver.items() if value is not None]
        lines += [line for number, one in enumerate(self.gpus) for line in one.lines(str(number))]
        fresh = self._state.with_suffix(".new")
        fresh.write_text("\n".join([*lines, ""]))
        fresh.replace(self._state)

    def has(self, *gpus: Device) -> None:
        self.gpus = list(gpus)
        self.write()
