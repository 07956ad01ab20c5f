"""The formats, by the names that `--format` takes, and which options mean something in which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from plimsoll.deploy.manifest.document import Document
from plimsoll.deploy.manifest.kubernetes.stream import documents as kubernetes
from plimsoll.deploy.manifest.options import TLS_CERT, ManifestOptions
from plimsoll.deploy.manifest.platforms import azureml, compose, helm, kserve, kustomize, sagemaker, vpa
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.settings.resolution import flag

_EVERYWHERE = frozenset({"image", "name"})
_ELSEWHERE = frozenset({"model", "container", "base", "compute", "instance_type"})
_ASKS_PLAINLY = frozenset({"kserve", "azureml", "sagemaker"})
_JOB_ALONE = frozenset({"job", "requests", "data_claim", "budget"})
_JOB = _JOB_ALONE | {
    "image", "name", "namespace", "labels", "environment", "gpu", "mig", "pull_secret", "model_claim", "node_selector",
    "target_rps",
}  # fmt: skip

_DASHBOARD = frozenset({"image", "name", "namespace", "dashboard", "target_rps", "replicas", "autoscale", "gpu", "mig"})


@dataclass(frozen=True, slots=True)
class Format:
    """`takes`: options that mean something in it, beside those that do in every format."""

    make: Callable[[Values, ManifestOptions], list[Document]]
    takes: frozenset[str]


_ALL = frozenset(one.name for one in fields(ManifestOptions)) - _JOB_ALONE - _ELSEWHERE

FORMATS: Mapping[str, Format] = {
    "kubernetes": Format(kubernetes, _ALL),
    "kustomize": Format(kustomize.documents, kustomize.TAKES),
    "helm": Format(helm.documents, helm.TAKES),
    "kserve": Format(kserve.documents, kserve.TAKES),
    "vpa": Format(vpa.documents, vpa.TAKES),
    "azureml": Format(azureml.documents, azureml.TAKES),
    "sagemaker": Format(sagemaker.documents, sagemaker.TAKES),
    "compose": Format(compose.documents, compose.TAKES),
}
DEFAULT_FORMAT = "kubernetes"


def check_taken(format_name: str, options: ManifestOptions) -> None:
    """Raises UsageError for an option that would be passed over without a word."""
    if options.job and format_name != DEFAULT_FORMAT:
        raise UsageError(f"--job is a Job of Kubernetes, not of --format {format_name}")
    if options.dashboard and format_name != DEFAULT_FORMAT:
        raise UsageError(
            f"--dashboard and --format {format_name} exclude each other",
            remedy="its queries find what --format kubernetes deploys",
        )
    wanted, taken = _asked_for(format_name, options)
    default = ManifestOptions(image=options.image)
    for name in (one.name for one in fields(options)):
        if name not in taken and getattr(options, name) != getattr(default, name):
            raise UsageError(f"{flag_of(name)} has no meaning with {wanted}", remedy=f"it has with {_able(name)}")
    if options.serves_tls and format_name in _ASKS_PLAINLY:
        raise UsageError(
            f"--env {TLS_CERT}: --format {format_name} speaks plain HTTP with the container",
            remedy="leave it out: the platform encrypts in front of it",
        )


def _asked_for(format_name: str, options: ManifestOptions) -> tuple[str, frozenset[str]]:
    """What is written, by the flag that asks for it, and the options that mean something in it."""
    if options.job:
        return "--job", _JOB
    if options.dashboard:
        return "--dashboard", _DASHBOARD
    return f"--format {format_name}", _EVERYWHERE | FORMATS[format_name].takes


def flag_of(name: str) -> str:
    """The flag by which an option is given."""
    return {"environment": "--env", "labels": "--label"}.get(name) or flag(name)


def _able(name: str) -> str:
    return ", ".join(f"--format {other}" for other, one in FORMATS.items() if name in _EVERYWHERE | one.takes)
