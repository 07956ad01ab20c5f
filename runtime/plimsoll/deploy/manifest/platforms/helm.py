"""`--format helm`: values under the names that the chart of `helm create` reads, and most charts with it.

Four more are not in that chart, but many have them by these names: env, startupProbe, lifecycle,
terminationGracePeriodSeconds. A chart passes over values that it does not know.
"""

from __future__ import annotations

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import confined, environment, http_probe, port, resources
from plimsoll.deploy.manifest.kubernetes.pod import confinement, placement
from plimsoll.deploy.manifest.kubernetes.volumes import volumes
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.container import pre_stop
from plimsoll.deploy.manifest.values import Values

_PORT_NAME = "http"
"""What that chart calls the port of its container, whose number is that of its service."""
_CHECK = "Not in every chart: look whether yours reads it."


TAKES = frozenset(
    {"replicas", "target_rps", "autoscale", "gpu", "mig", "environment", "node_selector", "port"}
    | {"keys_secret", "tls_secret", "pull_secret", "model_claim"}
)


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    probes, mounted = values.probes, volumes(options, values.accelerator)
    content: dict[str, Tree] = {
        "fullnameOverride": values.name,
        "replicaCount": values.replicas.count,
        "autoscaling": _autoscaling(values),
        "image": _image(options.image),
        "imagePullSecrets": [{"name": options.pull_secret}] if options.pull_secret else None,
        "podAnnotations": values.annotations,
        "podSecurityContext": confinement()["securityContext"],
        "securityContext": confined(),
        "serviceAccount": {"automount": Noted(False, "the server does not speak to the cluster")},
        "service": {"port": port(options)},
        "resources": resources(values),
        "livenessProbe": http_probe(probes.liveness, _PORT_NAME, options),
        "readinessProbe": http_probe(probes.readiness, _PORT_NAME, options),
        **placement(options, values.accelerator),
        "volumes": [volume.declared for volume in mounted],
        "volumeMounts": [volume.mount for volume in mounted],
        "startupProbe": Noted(http_probe(probes.startup, _PORT_NAME, options), _CHECK),
        "env": Noted(environment(values.environment, options), _CHECK),
        "lifecycle": Noted(pre_stop(values), _CHECK),
        "terminationGracePeriodSeconds": values.ending.in_all,
    }
    return [Document(content, f"{values.headline} helm upgrade --install {values.name} CHART --values THIS-FILE")]


def _autoscaling(values: Values) -> dict[str, Tree]:
    scaling = values.replicas.scaling
    if scaling is None:
        return {"enabled": Noted(False, "a fixed number was asked for")}
    return {
        "enabled": Noted(True, "--replicas N asks for a fixed number"),
        "minReplicas": scaling.least,
        "maxReplicas": scaling.most,
        "targetCPUUtilizationPercentage": scaling.utilisation,
    }


def _image(image: str) -> dict[str, Tree]:
    """Charts write `repository:tag`, so a digest is split at its own colon. A colon before a slash is of a port."""
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        return {"repository": image, "tag": Noted("latest", "what no tag means; the chart would take its own version")}
    return {"repository": repository, "tag": Noted(tag, "of --image")}
