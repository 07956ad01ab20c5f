"""Names, labels and annotations that all objects have."""

from __future__ import annotations

from collections.abc import Mapping

from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.options import OWN_LABELS, ManifestOptions

NAME_LABEL, MANAGER_LABEL = OWN_LABELS


def metadata(
    name: str,
    options: ManifestOptions,
    annotations: Mapping[str, Noted] | None = None,
    more_labels: Mapping[str, Noted] | None = None,
) -> dict[str, Tree]:
    return {
        "name": name,
        "namespace": options.namespace,
        "labels": {
            **options.labels,
            **labels(name),
            MANAGER_LABEL: "plimsoll",
            **(more_labels or {}),
        },
        "annotations": annotations or None,
    }


def labels(name: str) -> dict[str, Tree]:
    """By which pods are found: nothing that a later profile might change, since selectors cannot be changed."""
    return {NAME_LABEL: name}


def selector(name: str) -> dict[str, Tree]:
    return {"matchLabels": labels(name)}
