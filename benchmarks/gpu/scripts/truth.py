"""A score.py of known truth: variables say what it holds, what each call adds to that, and how long it computes.

Bodies ask for more: `heavy` (1 GB while it runs), `oom`, `endless`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.gpu.claims import GB
from benchmarks.gpu.device import Device, open_device

_NOTED_EVERY = 20

device: Device
computed_s: list[float] = []


def init() -> None:
    global device
    device = open_device(os.environ["PROOF_DEVICE"])
    # As TensorFlow and JAX do it: all, unless these say otherwise.
    if "PROOF_GRABS" in os.environ and os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH") != "true":
        device.grab(4 * GB)
    if size_bytes := int(os.environ.get("PROOF_HOLDS", "0")):
        device.hold(size_bytes)
    device.compute(_compute_s())


def run(data: str) -> int:
    if data == "oom":
        device.exhaust()
    if data == "endless":
        device.forever()
    if data == "heavy":
        device.hold(GB)
        time.sleep(0.3)
        device.give()
    if size_bytes := int(os.environ.get("PROOF_GROWS", "0")):
        device.hold(size_bytes)
    _compute()
    return os.getpid()


def _compute() -> None:
    """Writes down how long it really took: clocks rise and fall, and the truth with them."""
    begun_s = time.perf_counter()
    device.compute(_compute_s())
    computed_s.append(time.perf_counter() - begun_s)
    if "PROOF_TRUTH" in os.environ and len(computed_s) % _NOTED_EVERY == 0:
        median_s = sorted(computed_s)[len(computed_s) // 2]
        Path(os.environ["PROOF_TRUTH"]).write_text(f"{median_s!r}\n")


def _compute_s() -> float:
    return float(os.environ.get("PROOF_COMPUTES", "0"))
