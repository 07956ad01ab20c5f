"""For a served script: acts on the stand-in of the GPU driver as a model would that holds memory and computes.

The script says what is true; the profiler has to find it out through the driver's library alone.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MB = 1_000_000
GB = 1_000 * MB


@dataclass
class GpuModel:
    """`section` is the device in the stand-in's file; `number` the process as the driver calls it, None: not listed.

    `busy` is the percentage of the time that it computes, None where the device does not tell.
    """

    section: str = "0"
    number: int | None = field(default_factory=os.getpid)
    tells_memory: bool = True
    busy: int | None = 60
    held_bytes: int = 0

    def take(self, size_bytes: int) -> None:
        """Allocates so much more and computes from now on."""
        if not self.held_bytes:
            atexit.register(self.leave)
        self._change(size_bytes)
        if self.busy is not None:
            self.set("busy", self.busy)

    def give(self, size_bytes: int) -> None:
        self._change(-size_bytes)

    def leave(self) -> None:
        """What the driver does when a process ends."""
        self._change(-self.held_bytes)

    def set(self, key: str, value: int | None) -> None:
        with self._state() as lines:
            kept = [line for line in lines if not line.startswith(f"{key} ")]
            lines[:] = kept if value is None else [*kept, f"{key} {value}"]

    def _change(self, by_bytes: int) -> None:
        with self._state() as lines:
            self.held_bytes += by_bytes
            for place, line in enumerate(lines):
                if line.startswith("used "):
                    lines[place] = f"used {int(line.split()[1]) + by_bytes}"
            if self.number is not None:
                lines[:] = [line for line in lines if line.split()[:2] != ["process", str(self.number)]]
                size = f" {self.held_bytes}" if self.tells_memory else ""
                lines.extend([f"process {self.number}{size}"] if self.held_bytes else [])

    @contextlib.contextmanager
    def _state(self) -> Iterator[list[str]]:
        """The lines of the device's section, to be changed."""
        path = Path(os.environ["STANDIN_NVML"])
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lines = path.read_text().splitlines()
            begin = lines.index(f"[{self.section}]") + 1
            end = next((place for place in range(begin, len(lines)) if lines[place].startswith("[")), len(lines))
            own = lines[begin:end]
            yield own
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_text("\n".join([*lines[:begin], *own, *lines[end:], ""]))
            fresh.replace(path)
