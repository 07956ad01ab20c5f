"""The HorizontalPodAutoscaler, and the pace at which it, or KEDA's, may scale."""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.metadata import metadata
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.replicas import Scaling
from plimsoll.deploy.manifest.values import Values


def autoscaler(values: Values, scaling: Scaling, options: ManifestOptions) -> Document:
    target: Tree = {"type": "Utilization", "averageUtilization": scaling.utilisation}
    return Document(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata(values.name, options),
            "spec": {
                "scaleTargetRef": target_ref(values.name),
                "minReplicas": scaling.least,
                "maxReplicas": scaling.most,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
                "behavior": behaviour(scaling),
            },
        },
        "With the GPU computing, the CPU still shows the rate: each request costs some." if values.accelerator else "",
    )


def target_ref(name: str) -> dict[str, Tree]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}


def behaviour(scaling: Scaling) -> dict[str, Tree]:
    """At once up, and not twice for the same load; down only when it has been less for a while."""
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": Noted(0, "at once: the start alone takes long enough"),
            "policies": [
                {
                    "type": "Percent",
                    "value": Noted(100, "twice as many at most, as by Kubernetes' default"),
                    "periodSeconds": scaling.up_period,
                }
            ],
        },
        "scaleDown": {"stabilizationWindowSeconds": scaling.down_window},
    }
