"""Does a framework take the card as a whole, whatever the model needs?

TensorFlow maps nearly all memory at its start and JAX three quarters of it. Then the device's count says nothing about
the model. The server is started once more with the variables that make them grow with their needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from plimsoll.profiling.gpu.answer import gigabytes
from plimsoll.profiling.gpu.attribution import WHOLE_SHARE, held
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.gpu.watch import GpuWatch, ServerWatch
from plimsoll.profiling.measure.metrics import allocator_peaks_bytes
from plimsoll.profiling.measure.server import ServerUnderTest

GROWTH = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
# A pool that rows do not change, and that is so many times what was ever handed out of it.
_POOL_FACTOR, _POOL_SHARE, _SAME_SHARE = 2.0, 0.5, 0.01


class TakesTheWholeCard(Exception):
    """The server is to be started again with `GROWTH`; raised once. `found` is what is known then."""

    def __init__(self, found: GpuFindings, size_bytes: int) -> None:
        super().__init__(f"the model takes {gigabytes(size_bytes)} of the GPU's memory at its start")
        self.found = found


def check_preallocation(server: ServerUnderTest, found: GpuFindings) -> GpuFindings:
    """After the start and after the census; raises TakesTheWholeCard."""
    watch = found.watch
    if watch is None or not watch.servers or found.growth:
        return found
    watch.settle()
    found = found.with_allocator(allocator_peaks_bytes(server.process.metrics()))
    watched = watch.servers[-1]
    counted_bytes = found.allocator_bytes and found.allocator_bytes * watched.configuration.workers
    sizes = list(_preallocated(watch, watched, counted_bytes))
    if sizes:
        watched.preallocates = True
        raise TakesTheWholeCard(
            dataclasses.replace(found, preallocated_bytes=max(sizes), growth=dict(GROWTH), allocator_bytes=None),
            max(sizes),
        )
    return found


def _preallocated(watch: GpuWatch, watched: ServerWatch, allocator_bytes: int | None) -> Iterator[int]:
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
