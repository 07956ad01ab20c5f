"""Watches the GPUs that the server may use for as long as servers run; a machine without one costs nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from plimsoll.host.gpus import Nvml, NvmlMissing
from plimsoll.profiling.gpu.watch import GpuWatch


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
        """What was lost, and None while all is well."""
        return self.watch.lost if self.watch else None


@contextlib.contextmanager
def watch_gpus(wanted: str) -> Iterator[GpuFindings]:
    """To be entered before the first server starts and left after the last has ended."""
    found = GpuFindings(required=wanted == "required")
    if wanted == "off":
        yield dataclasses.replace(found, unknown="the server was told to use no GPU")
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
