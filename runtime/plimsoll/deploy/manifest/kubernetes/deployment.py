"""The Deployment."""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.metadata import metadata, selector
from plimsoll.deploy.manifest.kubernetes.pod import pod_template
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values

_PROGRESS_S = 600


def deployment(values: Values, options: ManifestOptions) -> Document:
    fixed = values.replicas.scaling is None
    head = "" if fixed else "It has no number of replicas: the autoscaler sets it, and each apply would set it back."
    content: dict[str, Tree] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(values.name, options, values.annotations),
        "spec": {
            "replicas": values.replicas.count if fixed else None,
            "selector": selector(values.name),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling(values)},
            "progressDeadlineSeconds": _patience(values),
            "template": pod_template(values, options),
        },
    }
    return Document(content, f"{values.headline} {head}")


def _rolling(values: Values) -> dict[str, Tree]:
    surge: Noted = (
        Noted(1, "a new replica is ready before an old one goes; each needs a free GPU, so one at a time")
        if values.accelerator
        else Noted("25%", "new replicas are ready before old ones go; so many at a time are Kubernetes' default")
    )
    return {"maxSurge": surge, "maxUnavailable": Noted(0, "so that those that serve carry no more than was proved")}


def _patience(values: Values) -> Noted:
    start_s = values.probes.startup.budget_s
    return Noted(
        max(_PROGRESS_S, 2 * start_s),
        f"Kubernetes' default is {_PROGRESS_S}; a start may take {start_s}, and as long to pull",
    )
