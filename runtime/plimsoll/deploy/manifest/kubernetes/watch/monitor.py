"""The ServiceMonitor, by which the Prometheus operator finds the replicas."""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import port_name
from plimsoll.deploy.manifest.kubernetes.metadata import metadata, selector
from plimsoll.deploy.manifest.kubernetes.watch.queries import SCRAPE_S
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values


def monitor(values: Values, options: ManifestOptions) -> Document:
    interval = Noted(f"{SCRAPE_S}s", "as often as the autoscaler looks")
    return Document(
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "metadata": metadata(values.name, options),
            "spec": {
                "selector": selector(values.name),
                "endpoints": [
                    {"port": port_name(options), "path": "/metrics", "interval": interval, **_encrypted(options)}
                ],
            },
        }
    )


def _encrypted(options: ManifestOptions) -> dict[str, Tree]:
    if not options.serves_tls:
        return {}
    unchecked = Noted(True, "Prometheus asks each pod by its address, which no certificate names")
    return {"scheme": "https", "tlsConfig": {"insecureSkipVerify": unchecked}}
