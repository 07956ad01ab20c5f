"""Health probes at a steady rate, as an orchestrator sends them: each over a connection of its own.

python -m benchmarks.load.probes PORT PATH SECONDS; prints one line of JSON. An instant that has passed while the last
probe was waiting is not left out: the delay counts from when the probe was due.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from types import TracebackType

from benchmarks.load.figures import LoadFailed, percentile

_EVERY_S = 0.02
_TIMEOUT_S = 60.0


class Probes:
    """``with Probes(…) as probes: <the load>; probes.p99_ms()``; in a process of its own, which ends with the block."""

    def __init__(self, port: int, path: str, seconds: float) -> None:
        arguments = [str(port), path, str(seconds)]
        command = [sys.executable, "-m", __name__, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Probes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def p99_ms(self) -> float:
        """Waits for the last probe."""
        output, errors = self._process.communicate()
        if self._process.returncode:
            raise LoadFailed(f"a health probe failed: {errors.splitlines()[-1] if errors else 'no reason given'}")
        return percentile(json.loads(output), 0.99)


async def _probe(port: int, path: str, due_s: float) -> float:
    await asyncio.sleep(max(0.0, due_s - time.monotonic()))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
    status = (await asyncio.wait_for(reader.readline(), _TIMEOUT_S)).split()
    writer.close()
    if not status or status[1] != b"200":
        raise ConnectionError(f"{path} answered {b' '.join(status).decode()}")
    return (time.monotonic() - due_s) * 1e3


async def _probes(port: int, path: str, seconds: float) -> list[float]:
    begun_s = time.monotonic()
    dues = [begun_s + number * _EVERY_S for number in range(max(1, int(seconds / _EVERY_S)))]
    return list(await asyncio.gather(*(_probe(port, path, due_s) for due_s in dues)))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_probes(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))))
