"""Watches the GPUs that the server may use for as long as servers run; a machine without one costs nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from plimsoll.host.gpus import Nvml, NvmlMissing
from plimsoll.profiling.gpu.watch import GpuWatch
from plimsoll.profiling.measure.timeline import Recorder


@dataclass(slots=True)
class GpuFindings:
    """`required`: the user wants a GPU or nothing. `unknown`: why nothing is known, empty where a GPU was watched.

    `grabbed_bytes` is what the server held of one device before `growth` made it take only what it needs;
    `allocator_bytes` what the framework's allocator counted at most in one worker.
    """

    required: bool = False
    unknown: str = "no GPU was looked for"
    driver_version: str | None = None
    watch: GpuWatch | None = None
    grabbed_bytes: int | None = None
    growth: dict[str, str] = field(default_factory=dict)
    allocator_bytes: int | None = None

    def note_allocator(self, sizes_bytes: list[int]) -> None:
        """One more reading of counts that only rise."""
        self.allocator_bytes = max([self.allocator_bytes or 0, *sizes_bytes]) or None

    def lost(self) -> str | None:
        """What was lost, and None while all is well."""
        return self.watch.lost if self.watch else None


@contextlib.contextmanager
def watch_gpus(found: GpuFindings, recorder: Recorder, wanted: str) -> Iterator[None]:
    """To be entered before the first server starts and left after the last has ended."""
    found.required = wanted == "required"
    if wanted == "off":
        found.unknown = "the server was told to use no GPU"
        yield
        return
    try:
        nvml = Nvml.open(os.environ)
    except NvmlMissing as missing:
        found.unknown = str(missing)
        yield
        return
    found.driver_version = nvml.driver_version
    gpus = nvml.gpus()
    if not gpus:
        found.unknown = "; ".join(["no GPU is visible here", *nvml.troubles])
        yield
        return
    found.unknown = ""
    with GpuWatch(nvml, gpus) as watch:
        found.watch = recorder.gpu = watch
        yield
    if not watch.hangs:
        nvml.close()
