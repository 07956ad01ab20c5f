"""`--format compose`: one replica on one machine, for `docker compose up`, inside the limits that were verified."""

from __future__ import annotations

import math

from plimsoll.deploy.manifest.accelerator import TAINT
from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.volumes import MODEL_FOLDER
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.container import MODEL_VARIABLE, variables
from plimsoll.deploy.manifest.probes import Probe
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.rounding import MEBIBYTE

_SHARES = 1024
"""Of one core, as Docker and the kubelet count them."""
_CACHE = "/var/cache/plimsoll"
_EXECUTABLE = "exec,mode=1777"
"""Of mount(8), as `docker run --tmpfs` takes them; the long form of Compose has size and mode alone."""


TAKES = frozenset({"gpu", "environment", "port", "model_claim"})


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    """Raises UsageError."""
    content: dict[str, Tree] = {
        "name": values.name,
        "services": {values.name: _service(values, options)},
        "volumes": _volumes(options),
    }
    return [Document(content, f"{values.headline} docker compose --file FILE up")]


def _service(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    port = options.port
    own: dict[str, Tree] = {"PLIMSOLL_PORT": Noted(str(port), "as published")}
    if options.model_claim:
        own[MODEL_VARIABLE] = MODEL_FOLDER
    return {
        "image": options.image,
        "labels": values.annotations,
        "environment": variables(values, options, own, dollar="$$"),
        "ports": [
            Noted(f"127.0.0.1:{port}:{port}", "for this machine alone; a proxy with encryption opens it to others")
        ],
        **_limits(values),
        "deploy": _devices(values),
        "volumes": _mounts(options),
        "read_only": True,
        "tmpfs": _written(values),
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "restart": Noted("unless-stopped", "a container that ends by itself is started again"),
        "stop_grace_period": Noted(f"{_stop_s(values)}s", "drain, twice the grace, and what the server needs to end"),
        "healthcheck": _healthcheck(values),
    }


def _limits(values: Values) -> dict[str, Tree]:
    """CPU in cores, memory in MiB, whatever Kubernetes would write."""
    needs, own = values.needs, values.resources
    memory = f"{-(-needs.limit_bytes // MEBIBYTE)}m"
    return {
        "cpus": Noted(needs.limit_cores, own.cpu_limit.reason),
        "cpu_shares": Noted(
            math.ceil(_SHARES * needs.request_cores),
            f"{_SHARES} for each of {needs.request_cores:g} cores: {own.cpu_request.reason}",
        ),
        "mem_limit": Noted(memory, f"MiB. {own.memory_request.reason}"),
        "memswap_limit": Noted(memory, "the same, which means no swap: it was measured without"),
    }


def _devices(values: Values) -> dict[str, Tree] | None:
    gpu = values.accelerator
    if gpu is None:
        return None
    if gpu.resource != TAINT:
        raise UsageError(
            f"--format compose: the profile is for {gpu.resource}, and Compose knows whole GPUs only",
            remedy="profile on a whole GPU",
        )
    device: dict[str, Tree] = {
        "driver": "nvidia",
        "count": Noted(gpu.count.value, gpu.count.reason),
        "capabilities": ["gpu"],
    }
    return {"resources": {"reservations": {"devices": [device]}}}


def _written(values: Values) -> list[Tree]:
    cache = Noted(
        f"{_CACHE}:{_EXECUTABLE}", "GPU kernels that the driver compiles at first use; a volume in its place keeps them"
    )
    scratch = Noted(
        f"/tmp:{_EXECUTABLE}",  # noqa: S108
        "HOME and the caches of libraries, and code that they compile at run time, which Docker's default, noexec,"
        " would not load; what lies there counts against mem_limit",
    )
    return [scratch, *([cache] if values.accelerator else [])]


def _mounts(options: ManifestOptions) -> list[Tree] | None:
    if options.model_claim is None:
        return None
    return [{"type": "volume", "source": "model", "target": MODEL_FOLDER, "read_only": True}]


def _volumes(options: ManifestOptions) -> dict[str, Tree] | None:
    if options.model_claim is None:
        return None
    return {"model": {"external": Noted(True, "it is there already"), "name": options.model_claim}}


def _stop_s(values: Values) -> int:
    ending = values.ending
    return int(ending.in_all.value - ending.pre_stop.value)


def _healthcheck(values: Values) -> dict[str, Tree]:
    startup, liveness = values.probes.startup, values.probes.liveness
    return {
        "test": ["CMD", "plimsoll", "healthcheck"],
        "interval": _seconds(liveness, "period"),
        "timeout": _seconds(liveness, "timeout"),
        "retries": liveness.failures,
        "start_period": Noted(f"{startup.budget_s}s", startup.failures.reason),
    }


def _seconds(probe: Probe, name: str) -> Noted:
    figure: Noted = getattr(probe, name)
    return Noted(f"{figure.value}s", figure.reason)
