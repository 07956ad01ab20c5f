"""Somebody else on a full node: takes every CPU second that is left, in a control group of a weight of its own.

A request for CPU is a weight (`cpu.weight`, `cpu.shares`), which counts only while more is wanted than there is. So the
node must be full when a request is tried out.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from plimsoll.host.cgroups.groups import LimitedGroup
from plimsoll.host.children import start_child

_SPIN = (sys.executable, "-I", "-S", "-c", "while True: pass")
# Several to a CPU, so that the kernel can even out what each CPU has to do. With one to a CPU a server on one thread
# got 0.31 of a core for a weight of 0.45 of two CPUs, with four 0.43.
_PER_CPU, _MOST = 4, 64
# Until the kernel has spread them out.
_SETTLE_S = 0.3


@contextlib.contextmanager
def competitor(group: LimitedGroup, cpus: Sequence[int]) -> Iterator[None]:
    """Keeps these CPUs busy for as long as the block lasts; it ends with this process in any case."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        count = max(len(cpus), min(_PER_CPU * len(cpus), _MOST))
        # One by one: who was started must be ended also where the next one cannot be.
        started.extend(
            start_child(_SPIN, signal.SIGKILL, cpus, group.doors, stdin=subprocess.DEVNULL) for _ in range(count)
        )
        time.sleep(_SETTLE_S)
        yield
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()
