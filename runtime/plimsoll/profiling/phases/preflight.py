"""Phase: how fast the load driver itself is, against a server that does nothing, over the same kind of socket."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from plimsoll.host.children import start_child
from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.options import Progress

_SECONDS = 0.5
_CONNECTIONS = 8
_TIMEOUT_S = 5.0
_LEAVE_S = 2.0
# A server answers more slowly than one that does nothing: beyond this share the driver's own limit shows.
VALID_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Requests per second that the driver can send at most, and its CPU for each."""

    most_rps: float
    cpu_per_request_s: float


def measure_ceiling(driver: DriverClient, rows: Sequence[Row], seed: int, progress: Progress) -> Ceiling | None:
    """None where nothing was answered. Leaves the driver pointing at a server that is gone."""
    progress.phase("preflight", _SECONDS)
    with _nothing() as port:
        driver.open(rows, port, _TIMEOUT_S, seed)
        answer = driver.load(_CONNECTIONS, _SECONDS, _SECONDS, False, lambda: None)
    if not answer.requests:
        return None
    return Ceiling(answer.requests / answer.elapsed_s, answer.driver_cpu_s / answer.requests)


@contextmanager
def _nothing() -> Iterator[int]:
    """The port of a server that does nothing."""
    command = [sys.executable, "-m", "plimsoll.profiling.load.noop"]
    pipe = subprocess.PIPE
    process = start_child(command, signal.SIGKILL, stdin=pipe, stdout=pipe, start_new_session=True)
    try:
        if process.stdout is None:
            raise BrokenPipeError("no pipe")
        yield int(process.stdout.readline())
    finally:
        try:
            process.communicate(timeout=_LEAVE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
