"""Whose card it is, and whether it can be used."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version

from benchmarks.gpu import models
from benchmarks.gpu.claims import GB
from benchmarks.gpu.stage import NotTried, Stage
from plimsoll.host.gpu.frameworks import gpu_frameworks, too_old
from plimsoll.version import __version__

_PACKAGES = ("torch", "onnxruntime", "onnxruntime-gpu", "tensorflow", "jax", "nvidia-ml-py")
_FIRST_IMPORT_S = 60.0


def run(stage: Stage) -> None:
    stage.fact("machine", _machine())
    stage.run({("driver",): _driver, ("alone", "room"): _card})
    with stage.part():
        _import_torch(stage)


def _machine() -> dict[str, str]:
    found = {
        "Plimsoll": __version__,
        "Python": platform.python_version(),
        "CPUs": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / GB:.0f} GB",
        "kernel": platform.release().partition("-")[0],
    }
    return found | {name: known for name in _PACKAGES if (known := _version(name))}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _driver(stage: Stage) -> None:
    with stage.gpu() as (nvml, gpu):
        cuda = ".".join(map(str, nvml.cuda_driver_version))
        stage.fact("card", {"GPU": gpu.name, "driver": nvml.driver_version, "CUDA of the driver": cuda})
        frameworks = gpu_frameworks()
        if not frameworks:
            raise NotTried("no framework built for CUDA is installed (ONNX Runtime, PyTorch, TensorFlow)")
        reason = too_old(nvml.driver_version, nvml.cuda_driver_version, frameworks)
        stage.tell("driver", reason is None, reason or ", ".join(map(str, frameworks)))


def _card(stage: Stage) -> None:
    with stage.gpu() as (nvml, gpu):
        reading = nvml.read(gpu)
        if reading.used_bytes is None or not gpu.total_bytes:
            raise NotTried("the driver does not report the memory of the card")
        others = len(reading.processes or ())
        used = f"{reading.used_bytes / GB:.2f} GB in use, {others} process(es)"
        stage.tell("alone", reading.used_bytes / gpu.total_bytes, used)
        stage.tell("room", (gpu.total_bytes - reading.used_bytes) / GB)


def _import_torch(stage: Stage) -> None:
    """The first import reads gigabytes from the disk: it must not be the first step that is measured."""
    if models.why_missing() is None:
        begun_s = time.monotonic()
        subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, timeout=_FIRST_IMPORT_S)
        stage.fact("first_import_of_torch_s", round(time.monotonic() - begun_s, 1))
