"""The framework alone: batch after batch in one process, and what that takes of the GPU. Started by gpu.py.

Prints one JSON line.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np

import gpu_models
from plimsoll.host.gpus import Gpu, Nvml, NvmlMissing

_WARM_BATCHES = 5


def main(framework: str, folder: str, device: str, side: int, size: int, seconds: float) -> None:
    with contextlib.ExitStack() as stack:
        nvml = _nvml(stack) if device == "cuda" else None
        gpu = nvml.gpus()[0] if nvml else None
        before = _used(nvml, gpu)
        predict = gpu_models.load(framework, Path(folder), device)
        pictures = np.random.default_rng(gpu_models.SEED).integers(0, 256, (size, side, side, 3), np.uint8)
        for _ in range(_WARM_BATCHES):
            predict(pictures)
        batches, begun_s = 0, time.monotonic()
        while (elapsed_s := time.monotonic() - begun_s) < seconds:
            predict(pictures)
            batches += 1
        found = {
            "pictures_per_s": batches * size / elapsed_s,
            "held_bytes": None if before is None else (_used(nvml, gpu) or 0) - before,
            "allocator_bytes": gpu_models.allocator_peak_bytes(framework),
        }
        print(json.dumps(found))


def _nvml(stack: contextlib.ExitStack) -> Nvml | None:
    try:
        return stack.enter_context(Nvml.open())
    except NvmlMissing:
        return None


def _used(nvml: Nvml | None, gpu: Gpu | None) -> int | None:
    return nvml.used_bytes(gpu) if nvml and gpu else None


if __name__ == "__main__":
    framework, folder, device, side, size, seconds = sys.argv[1:]
    main(framework, folder, device, int(side), int(size), float(seconds))
