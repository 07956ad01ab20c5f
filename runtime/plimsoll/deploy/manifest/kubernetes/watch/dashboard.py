"""The dashboard as a ConfigMap, as the sidecar of Grafana loads it (kube-prometheus-stack's in every namespace)."""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Block, Document, Noted
from plimsoll.deploy.manifest.kubernetes.metadata import metadata
from plimsoll.deploy.manifest.kubernetes.watch.grafana import dashboard
from plimsoll.deploy.manifest.options import LABEL_LENGTH, ManifestOptions
from plimsoll.deploy.manifest.values import Values

_SUFFIX = "-dashboard"
_LABEL = {"grafana_dashboard": Noted("1", "what the sidecar looks for, by the defaults of Grafana's chart")}


def config_map(values: Values, options: ManifestOptions) -> Document:
    name = values.name[: LABEL_LENGTH - len(_SUFFIX)].rstrip("-") + _SUFFIX
    return Document(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {**metadata(values.name, options, more_labels=_LABEL), "name": name},
            "data": {f"{name}.json": Block(dashboard(values, options))},
        },
        "Grafana's sidecar finds it by its label; without one, --dashboard prints the JSON alone, to be imported.",
    )
