"""Watches the GPUs that the server may use for as long as servers run; a machine without one costs nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from plimsoll.host.gpu.nvml import Nvml, NvmlMissing
from plimsoll.profiling.gpu.attribution import WHOLE_SHARE, gigabytes, held
from plimsoll.profiling.measure.gpu_watch import GpuWatch, ServerWatch
from plimsoll.profiling.measure.metrics import allocator_peaks_bytes
from plimsoll.profiling.measure.server import ServerUnderTest

GROWTH = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
# A pool that rows do not change, and that is so many times what was ever handed out of it.
_POOL_FACTOR, _POOL_SHARE, _SAME_SHARE = 2.0, 0.5, 0.01


@dataclass(frozen=True, slots=True)
class GpuFindings:
    """`required`: the user wants a GPU or nothing. `unknown`: why nothing is known, empty where a GPU was watched.

    `preallocated_bytes` is what the server held of one device before `growth` made it take only what it needs;
    `allocator_bytes` what the framework's allocator counted at most in one worker.
    """

    required: bool = False
    unknown: str = "no GPU was looked for"
    driver_version: str | None = None
    watch: GpuWatch | None = None
    preallocated_bytes: int | None = None
    growth: Mapping[str, str] = field(default_factory=dict)
    allocator_bytes: int | None = None

    def with_allocator(self, sizes_bytes: Sequence[int]) -> GpuFindings:
        """One more reading of counts that only rise."""
        return dataclasses.replace(self, allocator_bytes=max([self.allocator_bytes or 0, *sizes_bytes]) or None)

    def lost(self) -> str | None:
        return self.watch.lost if self.watch else None


@contextlib.contextmanager
def watch_gpus(wanted: str) -> Iterator[GpuFindings]:
    """To be entered before the first server starts and left after the last has ended."""
    found = GpuFindings(required=wanted == "required")
    if wanted == "off":
        yield dataclasses.replace(found, unknown="GPUs were turned off with --gpu off")
        return
    try:
        nvml = Nvml.open(os.environ)
    except NvmlMissing as missing:
        yield dataclasses.replace(found, unknown=str(missing))
        return
    gpus, found = nvml.gpus(), dataclasses.replace(found, driver_version=nvml.driver_version)
    if not gpus:
        yield dataclasses.replace(found, unknown="; ".join(["no GPU is visible here", *nvml.troubles]))
        return
    with GpuWatch(nvml, gpus) as watch:
        yield dataclasses.replace(found, unknown="", watch=watch)
    if not watch.hangs:
        nvml.close()


class TakesTheWholeCard(Exception):
    """The server is to be started again with `GROWTH`; raised once. `found` is what is known then."""

    def __init__(self, found: GpuFindings, size_bytes: int) -> None:
        super().__init__(f"the model takes {gigabytes(size_bytes)} of the GPU's memory at its start")
        self.found = found


def check_preallocation(server: ServerUnderTest, found: GpuFindings) -> GpuFindings:
    """Whether a framework takes the card as a whole, whatever the model needs; then raises TakesTheWholeCard.

    Asked after the start and after the census. TensorFlow maps nearly all memory at its start and JAX three quarters of
    it: the device's count says nothing about the model then, and the server is started once more with `GROWTH`.
    """
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
