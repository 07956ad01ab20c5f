"""The InstanceType of Azure ML on Kubernetes: the measured size, by a name that deployments give."""

from __future__ import annotations

from plimsoll.deploy.manifest.accelerator import Accelerator
from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.files import File
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.configuration import counted

_GPU = "nvidia.com/gpu"


def instance_needs(format_name: str, values: Values) -> str:
    """What a type of the platform's own must have. Raises UsageError: slices of GPUs are not offered there."""
    own, gpu = values.resources, values.accelerator
    if gpu is not None:
        _check_whole(format_name, gpu)
    cards = f", and {counted(gpu.count.value, 'GPU')}" if gpu else ""
    return f"has to offer {own.cpu_limit.value} of CPU and {own.memory_limit.value} of memory{cards}"


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
