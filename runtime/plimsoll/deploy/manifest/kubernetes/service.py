"""The Service."""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import port_name
from plimsoll.deploy.manifest.kubernetes.metadata import labels, metadata
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values


def service(values: Values, options: ManifestOptions) -> Document:
    name = port_name(options)
    port = Noted(443, "of HTTPS") if options.serves_tls else Noted(80, "of HTTP")
    ports: Tree = [{"name": name, "port": port, "targetPort": name}]
    return Document(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(values.name, options),
            "spec": {"selector": labels(values.name), "ports": ports},
        }
    )
