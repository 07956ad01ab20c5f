"""Watches the GPUs that the server may use for as long as servers run; a machine without one costs nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from plimsoll.host.gpus import Nvml, NvmlMissing
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.wanted import gpu_wanted
from plimsoll.profiling.gpu.watch import GpuWatch


@contextlib.contextmanager
def watch_gpus(findings: Findings) -> Iterator[None]:
    """Fills in `findings.gpu`; to be entered before the first server starts and left after the last has ended."""
    found, wanted = findings.gpu, gpu_wanted(findings.options.server_arguments, os.environ)
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
        found.watch = findings.recorder.gpu = watch
        yield
    if not watch.hangs:
        nvml.close()
