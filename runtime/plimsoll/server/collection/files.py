"""Where records lie: DIR/ENDPOINT/DEPLOYMENT/COLLECTION/YYYY/MM/DD/HH/INSTANCE.jsonl, as Azure ML lays them out.

Hours are those of UTC. A file that has reached its size is followed by INSTANCE_1.jsonl, INSTANCE_2.jsonl and so on.
Only the writer's thread is here.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_MODE = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_HOUR_S = 3600


class CollectionFile:
    """The file that a collection is written to now. `root` is the folder of the collection."""

    def __init__(self, root: Path, instance: str, most_bytes: int) -> None:
        self._root = root
        self._instance = instance
        self._most_bytes = most_bytes
        self._hour = -1
        self._number = 0
        self._descriptor = -1
        self._size = 0

    def write(self, data: bytes, at_s: float) -> int | None:
        """Appends whole lines; where the disk is full, answers how many of them lie there now.

        Raises OSError where nothing can be written. What is left of a torn line is taken away again.
        """
        self._turn(int(at_s) // _HOUR_S)
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            if len(left) == len(data):
                raise
            return self._cut(data[: len(data) - len(left)])
        self._size += len(data)
        return None

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _turn(self, hour: int) -> None:
        if hour != self._hour:
            self.close()
            self._hour, self._number = hour, 0
        elif self._descriptor < 0:
            pass  # the last one could not be opened
        elif self._size >= self._most_bytes:
            self.close()
            self._number += 1
        elif not os.fstat(self._descriptor).st_nlink:
            self.close()  # somebody has removed the file: what is written to it would be nowhere
        if self._descriptor < 0:
            self._open(hour)

    def _open(self, hour: int) -> None:
        folder = self._root / time.strftime("%Y/%m/%d/%H", time.gmtime(hour * _HOUR_S))
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._instance}_{self._number}.jsonl" if self._number else f"{self._instance}.jsonl"
        self._descriptor = os.open(folder / name, _MODE, 0o640)
        self._size = os.fstat(self._descriptor).st_size

    def _cut(self, written: bytes) -> int:
        """Back to the end of the last whole line."""
        torn = len(written) - (written.rfind(b"\n") + 1)
        self._size += len(written) - torn
        os.ftruncate(self._descriptor, self._size)
        return written.count(b"\n")
