"""The load generator as a process of its own, seen from the round."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from storm.shapes import Shape

_TESTS = Path(__file__).parents[1]


class Load:
    """The generator as a process; its last report is in `told`."""

    def __init__(self, port: int, seed: str, shape: Shape, most: int) -> None:
        flags = ["--lanes", str(shape.lanes), "--most", str(most), "--departures", str(shape.departures)]
        flags += [f"--only={kind}" for kind in shape.only] + ["--batched"] * shape.batched
        self._process = subprocess.Popen(
            [sys.executable, "-m", "storm.clients", str(port), seed, *flags],
            cwd=_TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: dict[str, Any] = {"started": 0, "outcomes": {}, "examples": {}, "longest_s": 0.0, "cpu_s": 0.0}
        self._reader = threading.Thread(target=self._read, name="reader")
        self._reader.start()

    @property
    def over(self) -> bool:
        return not self._reader.is_alive()

    def stop(self) -> dict[str, Any]:
        """Lets the requests under way end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        assert self._process.wait() == 0, "the generator failed"
        return self.told

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.told = json.loads(line)
