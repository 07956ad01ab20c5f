"""GPUs of a replica: which resource, how many, on which nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from plimsoll.deploy.manifest.document import Noted
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.rounding import GIBIBYTE
from plimsoll.profiling.gpu.mig import least_usable_bytes
from plimsoll.profiling.result.gpu import GpuRecommendation, mig_resource

TAINT = "nvidia.com/gpu"
"""Which managed clusters put on their GPU nodes, and NVIDIA's device plugin tolerates."""
_PRESENT = {"nvidia.com/gpu.present": "true"}
_SLICED = {"nvidia.com/mig.strategy": "mixed"}
"""Labels that NVIDIA's GPU feature discovery gives to nodes."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """`resource` is asked for `count` times; `node_selector` finds nodes that have it."""

    resource: str
    count: Noted
    node_selector: Mapping[str, str]


def make_accelerator(needs: ReplicaNeeds, options: ManifestOptions) -> Accelerator | None:
    """None without GPUs. Raises UsageError where the profile speaks against what is asked for."""
    if needs.gpu is None:
        _refuse_gpus(options)
        return None
    resource = mig_resource(options.mig) if options.mig else needs.gpu.resource
    if options.mig:
        _check_slice(options.mig, needs.gpu)
    return Accelerator(
        resource,
        Noted(options.gpu or needs.gpu.count, _reason(needs.gpu, options, resource)),
        _SLICED if "/mig-" in resource else _PRESENT,
    )


def _refuse_gpus(options: ManifestOptions) -> None:
    given = "--gpu" if options.gpu is not None else "--mig" if options.mig is not None else None
    if given:
        raise UsageError(f"{given}: the profile was made without a GPU", remedy="profile on a node with one")


def _check_slice(profile: str, gpu: GpuRecommendation) -> None:
    """The gigabytes in the name of a slice are a little more than it has."""
    found = re.search(r"g\.(\d+)gb", profile)
    promised_bytes = int(found[1]) * GIBIBYTE if found else 0
    size_bytes = least_usable_bytes(profile.partition("+")[0]) or promised_bytes
    if profile == gpu.mig_profile:
        return
    if gpu.memory_bytes is not None and size_bytes < gpu.memory_bytes:
        fitting = f"the smallest that fits is {gpu.mig_profile}" if gpu.mig_profile else gpu.mig_reason
        raise UsageError(
            f"--mig {profile}: too small for the {gpu.memory_bytes / 1e9:.1f} GB that were measured", remedy=fitting
        )


def _reason(gpu: GpuRecommendation, options: ManifestOptions, resource: str) -> str:
    reason = gpu.reason
    if options.gpu is not None and options.gpu != gpu.count:
        reason += f" As asked; the profile was made for {gpu.count}."
    if resource != gpu.resource:
        reason += " It was measured on a whole GPU: a slice computes more slowly, profile on one."
    return f"{reason} GPUs come whole, and the request is the same."


def asked_accelerator(needs: ReplicaNeeds | None, options: ManifestOptions) -> Accelerator | None:
    """Of a pod that is to find out what is needed: as asked, else as an earlier profile says."""
    if needs is not None and needs.gpu is not None:
        return make_accelerator(needs, options)
    if options.gpu is None and options.mig is None:
        return None
    resource = mig_resource(options.mig) if options.mig else TAINT
    selector = _SLICED if options.mig else _PRESENT
    return Accelerator(resource, Noted(options.gpu or 1, "as asked; GPUs come whole"), selector)
