"""The PodDisruptionBudget."""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document, Noted
from plimsoll.deploy.manifest.kubernetes.metadata import metadata, selector
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values


def budget(values: Values, options: ManifestOptions) -> Document:
    return Document(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata(values.name, options),
            "spec": {
                "maxUnavailable": Noted(1, "one at a time; a minimum would keep a single replica's node for ever"),
                "unhealthyPodEvictionPolicy": Noted("AlwaysAllow", "a replica that is not ready protects nothing"),
                "selector": selector(values.name),
            },
        }
    )
