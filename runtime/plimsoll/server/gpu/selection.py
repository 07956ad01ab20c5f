"""Which GPUs the server uses, decided once before anything is started."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plimsoll.backends.gpu import MODE, SHARE
from plimsoll.errors import GpuUnusable
from plimsoll.host.gpu.frameworks import Framework, gpu_frameworks, overwritten, too_old
from plimsoll.host.gpu.nvml import Gpu, Nvml, NvmlMissing
from plimsoll.workers.gpu_shares import VISIBLE, gpu_environments, without_gpus

_LOG = logging.getLogger("plimsoll.server")

Mode = Literal["auto", "required", "off"]


@dataclass(frozen=True, slots=True)
class GpuPlan:
    """`gpus` is empty where none is used."""

    mode: Mode
    gpus: tuple[Gpu, ...] = ()

    def environments(self, workers: int, given: Mapping[str, str]) -> tuple[dict[str, str], ...]:
        """Variables for each worker. Where no GPU was found, none is hidden: a framework may know better than we do."""
        if self.mode == "off":
            return tuple(without_gpus() for _ in range(workers))
        if not self.gpus:
            return tuple({MODE: self.mode} for _ in range(workers))
        found = gpu_environments(self.gpus, workers, self.mode, given)
        shares = [int(one[SHARE]) for one in found if SHARE in one]
        if shares:
            message = "%d workers share %d GPU(s): a model loaded through plimsoll.backends may use %.1f GB in each"
            _LOG.info(message, workers, len(self.gpus), min(shares) / 1e9)
        return found


def plan_gpus(mode: Mode, environment: Mapping[str, str]) -> GpuPlan:
    """Looks for GPUs and says in the log what was found. Raises GpuUnusable where one is required."""
    if mode == "off":
        return GpuPlan(mode)
    frameworks = gpu_frameworks()
    if (warning := overwritten()) is not None:
        _LOG.warning(warning)
    try:
        gpus = _found(environment, frameworks)
    except NvmlMissing as missing:
        if mode == "required":
            raise GpuUnusable(f"--gpu required: {missing}") from None
        _say_fallback(str(missing), frameworks, quiet=missing.absent)
        return GpuPlan(mode)
    return GpuPlan(mode, gpus)


def _found(environment: Mapping[str, str], frameworks: tuple[Framework, ...]) -> tuple[Gpu, ...]:
    """At least one; raises NvmlMissing."""
    with Nvml.open(environment) as nvml:
        gpus = nvml.gpus()
        if not gpus:
            raise NvmlMissing("; ".join(["the NVIDIA driver shows no GPU", *nvml.troubles, *_hidden(environment)]))
        version, cuda = nvml.driver_version, nvml.cuda_driver_version
        if (reason := too_old(version, cuda, frameworks)) is not None:
            raise NvmlMissing(reason)
        for trouble in nvml.troubles:
            _LOG.warning(trouble)
    for gpu in gpus:
        size = "" if gpu.total_bytes is None else f", {gpu.total_bytes / 1e9:.1f} GB"
        _LOG.info("GPU %d: %s%s (%s)", gpu.index, gpu.name, size, gpu.uuid)
    built = ", ".join(map(str, frameworks)) or "no framework built for CUDA is installed"
    _LOG.info("NVIDIA driver %s, CUDA up to %d.%d; %s", version, *cuda, built)
    return gpus


def _hidden(environment: Mapping[str, str]) -> list[str]:
    names = environment.get(VISIBLE)
    return [] if names is None else [f"{VISIBLE} is {names!r}"]


def _say_fallback(reason: str, frameworks: tuple[Framework, ...], *, quiet: bool) -> None:
    """A machine without a driver is an ordinary CPU machine: worth a word only to who has installed for a GPU."""
    if quiet and not frameworks:
        return
    names = ", ".join(one.name for one in frameworks) or "the model"
    _LOG.log(logging.INFO if quiet else logging.WARNING, "no GPU is used, %s computes on the CPU: %s", names, reason)
