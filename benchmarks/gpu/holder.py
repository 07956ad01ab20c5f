"""A process that holds and computes on the device as it is told, for who reads the driver meanwhile.

``with Holder("cuda", folder) as holder: holder.hold(10**9)``. Started as a program it obeys JSON lines on stdin.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.folders import ROOT
from benchmarks.gpu.device import Device, open_device
from plimsoll.host.children import start_child


class Holder:
    """Has a context when the block begins, and is killed at its end."""

    def __init__(self, device: str, folder: Path) -> None:
        self._errors = folder / "holder.log"
        with self._errors.open("wb") as log:
            self._process = start_child(
                [sys.executable, "-m", "benchmarks.gpu.holder", device],
                signal.SIGKILL,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def hold(self, size_bytes: int) -> None:
        self.begin("hold", size_bytes)
        self.end()

    def libraries(self) -> None:
        self.begin("libraries")
        self.end()

    def allocated_bytes(self) -> int | None:
        self.begin("allocated_bytes")
        found: int | None = self.end()
        return found

    def begin(self, name: str, *arguments: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """The answer to what was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            last = self._errors.read_text(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"the process on the device ended: {' '.join(last) or self._process.returncode}")
        return json.loads(line)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        self.end()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def _peaks(device: Device, count: float, seconds: float, size_bytes: float, pause_s: float) -> None:
    for _ in range(int(count)):
        time.sleep(pause_s)
        device.hold(int(size_bytes))
        time.sleep(seconds)
        device.give()


def main(kind: str) -> None:
    device = open_device(kind)
    print(json.dumps("open"), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        work = getattr(device, name) if name != "peaks" else lambda *given: _peaks(device, *given)
        print(json.dumps(work(*arguments)), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1])
