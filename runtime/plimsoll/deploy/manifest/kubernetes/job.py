"""`--job`: profiles on the nodes that will serve, prints the answer, and leaves `profile.json`.

Nothing limits it: limits are what it is to find. In a container its control groups are read-only, so that its answer is
soft-verified at best (docs/profiling.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from plimsoll.deploy.manifest.accelerator import Accelerator, asked_accelerator
from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import confined, environment
from plimsoll.deploy.manifest.kubernetes.metadata import labels, metadata
from plimsoll.deploy.manifest.kubernetes.pod import confinement, placement
from plimsoll.deploy.manifest.kubernetes.volumes import Volume, volumes
from plimsoll.deploy.manifest.options import LABEL_LENGTH, ManifestOptions, budget_s, name_of
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.reports.kubernetes import cpu_quantity, memory_quantity

_SUFFIX = "-profile"
_DATA_FOLDER = "/data"
_APP_FOLDER = "/var/azureml-app"
_REQUESTS = "requests.txt"
_DRIVER_CORES, _DRIVER_BYTES = 1, 256 * MEBIBYTE
_PULL_S = 600
_KEPT_S = 24 * 3600
# The log ends with the file, for who has no volume; the exit code is the profiler's.
_SCRIPT = 'code=0; plimsoll "$@" || code=$?; [ ! -e {0} ] || cat {0}; exit $code'


def job(options: ManifestOptions, needs: ReplicaNeeds | None) -> Document:
    name = _name(options, needs)
    accelerator = asked_accelerator(needs, options)
    content: dict[str, Tree] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, options),
        "spec": {
            "backoffLimit": Noted(0, "a profile that failed would fail again; the exit code says why"),
            "activeDeadlineSeconds": _deadline(options),
            "ttlSecondsAfterFinished": Noted(_KEPT_S, "a day to read its log"),
            "template": _template(name, options, needs, accelerator),
        },
    }
    return Document(content, "Other pods on its node disturb what it measures: give it a node of its own if you can.")


def _name(options: ManifestOptions, needs: ReplicaNeeds | None) -> str:
    base = options.name or (name_of(needs.profile_name) if needs else "model")
    return base[: LABEL_LENGTH - len(_SUFFIX)].rstrip("-") + _SUFFIX


def _deadline(options: ManifestOptions) -> Noted:
    given_s = budget_s(options.budget)
    return Noted(
        math.ceil(3 * given_s + _PULL_S),
        f"3 times the budget of {given_s:g}, as a model that loads slowly takes longer; {_PULL_S} for the image",
    )


def _template(
    name: str, options: ManifestOptions, needs: ReplicaNeeds | None, accelerator: Accelerator | None
) -> dict[str, Tree]:
    mounted = [*volumes(options, accelerator), *_data(options)]
    annotation = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    security = confinement(
        group=Noted(10001, "the image's user, who writes to the volume") if options.data_claim else None
    )
    return {
        "metadata": {"labels": labels(name), "annotations": Noted(annotation, "half a profile is none")},
        "spec": {
            "restartPolicy": "Never",
            **security,
            **placement(options, accelerator),
            "imagePullSecrets": [{"name": options.pull_secret}] if options.pull_secret else None,
            "containers": [_container(name, options, needs, accelerator, mounted)],
            "volumes": [volume.declared for volume in mounted],
        },
    }


def _data(options: ManifestOptions) -> Iterator[Volume]:
    if options.data_claim:
        source: dict[str, Tree] = {"persistentVolumeClaim": {"claimName": options.data_claim}}
        yield Volume("data", _DATA_FOLDER, source, "the requests, and then the profile", writable=True)


def _container(
    name: str,
    options: ManifestOptions,
    needs: ReplicaNeeds | None,
    accelerator: Accelerator | None,
    mounted: list[Volume],
) -> dict[str, Tree]:
    output = f"{_DATA_FOLDER if options.data_claim else '/tmp'}/profile"  # noqa: S108
    script = _SCRIPT.format(f"{output}/profile.json")
    gpu = {"PLIMSOLL_GPU": Noted("required", "a profile of the fallback to the CPU would be of no use")}
    return {
        "name": "profiler",
        "image": options.image,
        "command": ["tini", "--", "sh", "-ec", script, "plimsoll"],
        "args": [*_arguments(name.removesuffix(_SUFFIX), options, output)],
        "env": environment(gpu if accelerator else {}, options) or None,
        "resources": _resources(needs, accelerator),
        "securityContext": confined(),
        "volumeMounts": [volume.mount for volume in mounted],
    }


def _arguments(name: str, options: ManifestOptions, output: str) -> Iterator[Tree]:
    folder = _DATA_FOLDER if options.data_claim else _APP_FOLDER
    yield from ("--profile", options.requests or f"{folder}/{_REQUESTS}")
    yield from ("--output", output)
    yield from ("--name", name)
    if options.budget:
        yield from ("--budget", Noted(options.budget, "as asked"))
    if options.target_rps:
        yield from ("--target-rps", Noted(f"{options.target_rps:g}", "as asked"))


def _resources(needs: ReplicaNeeds | None, accelerator: Accelerator | None) -> dict[str, Tree]:
    if needs is None:
        requests: dict[str, Tree] = {"cpu": Noted("2", "one for the server and one for the load on it")}
    else:
        requests = {
            "cpu": Noted(cpu_quantity(needs.limit_cores + _DRIVER_CORES), "the last limit, and a core for the load"),
            "memory": Noted(
                memory_quantity(needs.limit_bytes + _DRIVER_BYTES), "the last limit, and 256 Mi for the load"
            ),
        }
    limits = (
        {accelerator.resource: Noted(str(accelerator.count.value), accelerator.count.reason)} if accelerator else None
    )
    return {"requests": requests, "limits": limits}
