"""The InstanceType of Azure ML on Kubernetes: the measured size, by a name that deployments give."""

from __future__ import annotations

from collections.abc import Mapping

from plimsoll.deploy.fit.alone import room_alone
from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.replica import recommended
from plimsoll.deploy.fit.room import lacks
from plimsoll.deploy.fit.table import read_nodes
from plimsoll.deploy.manifest.accelerator import Accelerator
from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.files import File
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.configuration import counted

_GPU = "nvidia.com/gpu"
_PROVIDERS: Mapping[str, str] = {"azureml": "azure", "sagemaker": "aws"}
"""Whose table has the types of a platform; SageMaker's are those of EC2 behind `ml.`."""


def instance_needs(format_name: str, values: Values, chosen: str) -> str:
    """What a type of the platform's own must have. Raises UsageError: slices of GPUs are not offered there.

    A `chosen` type that `plimsoll fit` knows is refused where it has less.
    """
    own, gpu = values.resources, values.accelerator
    if gpu is not None:
        _check_whole(format_name, gpu)
    provider = _PROVIDERS[format_name]
    node = next((node for node in read_nodes(provider) if node.name == chosen.removeprefix("ml.")), None)
    if node is not None:
        _check_room(node, values, f"--instance-type {chosen}", provider)
    cards = f", and {counted(gpu.count.value, 'GPU')}" if gpu else ""
    return f"has to offer {own.cpu_limit.value} of CPU and {own.memory_limit.value} of memory{cards}"


def _check_room(node: NodeType, values: Values, named: str, provider: str) -> None:
    replica = recommended(values.needs, guaranteed=True)
    room = room_alone(node, replica)
    if not room.fits:
        raise UsageError(
            f"{named}: too small for a replica: it lacks {lacks(room, replica)}",
            remedy=f"plimsoll fit --nodes {provider} says which has room for it",
        )


def _check_whole(format_name: str, gpu: Accelerator) -> None:
    if gpu.resource != _GPU:
        raise UsageError(
            f"--format {format_name}: the profile is for {gpu.resource}, and only whole GPUs can be had there",
            remedy="profile on a whole GPU",
        )


def instance_type(values: Values, options: ManifestOptions) -> File:
    """Raises UsageError: slices of GPUs it does not know."""
    own, gpu = values.resources, values.accelerator
    limits: dict[str, Tree] = {"cpu": own.cpu_limit, "memory": own.memory_limit}
    selector = options.node_selector
    if gpu is not None:
        _check_whole("azureml", gpu)
        limits[_GPU] = Noted(gpu.count.value, gpu.count.reason)
        selector = selector or gpu.node_selector
    content: dict[str, Tree] = {
        "apiVersion": "amlarc.azureml.com/v1alpha1",
        "kind": "InstanceType",
        "metadata": {"name": values.name},
        "spec": {
            "nodeSelector": selector or None,
            "resources": {"requests": {"cpu": own.cpu_request, "memory": own.memory_request}, "limits": limits},
        },
    }
    return File(content, "kubectl apply --filename instance-type.yaml, before the deployment.", "instance-type.yaml")
