"""Does a framework take the card as a whole, whatever the model needs?

TensorFlow maps nearly all memory at its start and JAX three quarters of it. Then the device's count says nothing about
the model. The server is started once more with the variables that make them grow with their needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import gigabytes
from plimsoll.profiling.gpu.attribution import WHOLE_SHARE, held
from plimsoll.profiling.gpu.watch import GpuWatch, ServerWatch
from plimsoll.profiling.measure.metrics import allocator_peaks_bytes
from plimsoll.profiling.measure.server import ServerUnderTest

GROWTH = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
# A pool that rows do not change, and that is so many times what was ever handed out of it.
_POOL_FACTOR, _POOL_SHARE, _SAME_SHARE = 2.0, 0.5, 0.01


class TakesTheWholeCard(Exception):
    """The server is to be started again with `GROWTH`; raised once."""


def check_grab(server: ServerUnderTest, findings: Findings) -> None:
    """After the start and after the census; raises TakesTheWholeCard."""
    found = findings.gpu
    if found.watch is None or not found.watch.servers or found.growth:
        return
    found.watch.settle()
    found.note_allocator(allocator_peaks_bytes(server.process.metrics()))
    watched = found.watch.servers[-1]
    counted_bytes = found.allocator_bytes and found.allocator_bytes * watched.configuration.workers
    sizes = list(_grabbed(found.watch, watched, counted_bytes))
    if sizes:
        watched.grabbing = True
        found.grabbed_bytes, found.growth, found.allocator_bytes = max(sizes), dict(GROWTH), None
        raise TakesTheWholeCard(f"the model takes {gigabytes(max(sizes))} of the GPU's memory at its start")


def _grabbed(watch: GpuWatch, watched: ServerWatch, allocator_bytes: int | None) -> Iterator[int]:
    for gpu in watch.gpus:
        size_bytes, total_bytes = held(watch, watched, gpu).size_bytes, gpu.total_bytes
        if size_bytes is None or not total_bytes:
            continue
        pool = allocator_bytes is not None and size_bytes > _POOL_FACTOR * allocator_bytes
        fixed = size_bytes >= _POOL_SHARE * total_bytes and _unchanged(watched, gpu.uuid)
        if size_bytes >= WHOLE_SHARE * total_bytes or (pool and fixed):
            yield size_bytes


def _unchanged(watched: ServerWatch, uuid: str) -> bool:
    """Whether rows have been sent, and the device held hardly more for them than before."""
    peaks = [phase.uses[uuid].used_bytes or 0 for phase in watched.phases]
    return len(peaks) > 1 and max(peaks) - min(peaks) <= _SAME_SHARE * max(peaks)
