"""A wall clock of a test's own, which it can set while the server runs: see clock.c."""

from __future__ import annotations

import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
_SHIFT = struct.Struct("=q")


class Clock:
    """Programs started with `environment` see it in place of the machine's."""

    def __init__(self, folder: Path) -> None:
        library, file = folder / "clock.so", folder / "clock"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        file.write_bytes(bytes(_SHIFT.size))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _SHIFT.size)
        self.environment = {"LD_PRELOAD": str(library), "STANDIN_CLOCK": str(file)}

    def put_forward(self, seconds: int) -> None:
        """So much before the machine's clock from now on; below zero: so much behind it."""
        _SHIFT.pack_into(self._memory, 0, seconds)
