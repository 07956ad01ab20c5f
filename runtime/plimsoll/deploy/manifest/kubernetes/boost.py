"""More CPU for the start than for serving: a VerticalPodAutoscaler that does nothing else.

It needs VPA with the feature gate CPUStartupBoost, and Kubernetes 1.33 or newer, which can take the CPU away again
without a restart (AEP-7862, KEP-1287).
"""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.autoscaler import target_ref
from plimsoll.deploy.manifest.kubernetes.container import SERVER
from plimsoll.deploy.manifest.kubernetes.metadata import metadata
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values


def boost(values: Values, factor: Noted, options: ManifestOptions) -> Document:
    policy: Tree = {
        "containerName": SERVER,
        "mode": Noted("Off", "requests and limits stay as they were proved"),
        "startupBoost": {"cpu": {"type": "Factor", "factor": factor}},
    }
    return Document(
        {
            "apiVersion": "autoscaling.k8s.io/v1",
            "kind": "VerticalPodAutoscaler",
            "metadata": metadata(values.name, options),
            "spec": {
                "targetRef": target_ref(values.name),
                "updatePolicy": {"updateMode": Noted("Off", "it only boosts")},
                "resourcePolicy": {"containerPolicies": [policy]},
            },
        },
        "Needs VPA with the feature gate CPUStartupBoost, and Kubernetes 1.33 or newer.",
    )
