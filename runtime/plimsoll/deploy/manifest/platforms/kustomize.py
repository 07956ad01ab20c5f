"""`--format kustomize`: what was measured, as a strategic-merge patch for a Deployment that is there already.

Without `--base` it is a Component, which any overlay takes in by naming its folder under `components`; with it, an
overlay of its own. The patch speaks of sizes and times only: volumes, ports and privileges stay as the Deployment has
them.
"""

from __future__ import annotations

from collections.abc import Mapping

from plimsoll.deploy.manifest.document import Document, Tree
from plimsoll.deploy.manifest.kubernetes.container import SERVER, environment, http_probe, port, resources
from plimsoll.deploy.manifest.kubernetes.pod import placement
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.container import pause
from plimsoll.deploy.manifest.platforms.files import File
from plimsoll.deploy.manifest.values import Values

_PATCH = "patch.yaml"
_GROUP = "kustomize.config.k8s.io"
_INSTEAD: Mapping[str, Tree] = {"$patch": "replace"}
"""Else a probe that runs a command would be asked by HTTP as well, which the cluster refuses."""


TAKES = frozenset({"replicas", "target_rps", "gpu", "mig", "environment", "node_selector", "port", "container", "base"})


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    return [_kustomization(values, options), _patch(values, options)]


def _kustomization(values: Values, options: ManifestOptions) -> File:
    kind = {"apiVersion": f"{_GROUP}/v1alpha1", "kind": "Component"}
    head = "An overlay takes it in by naming this folder under `components`."
    if options.base is not None:
        kind = {"apiVersion": f"{_GROUP}/v1beta1", "kind": "Kustomization"}
        head = "kubectl apply --kustomize FOLDER"
    content: dict[str, Tree] = {
        **kind,
        "resources": [options.base] if options.base is not None else None,
        "patches": [{"path": _PATCH, "target": {"kind": "Deployment", "name": values.name}}],
    }
    return File(content, head, "kustomization.yaml")


def _patch(values: Values, options: ManifestOptions) -> File:
    asked = options.replicas is not None or options.target_rps is not None
    spec: dict[str, Tree] = {
        **placement(options, values.accelerator),
        "terminationGracePeriodSeconds": values.ending.in_all,
        "containers": [_container(values, options)],
    }
    content: dict[str, Tree] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": values.name, "annotations": values.annotations},
        "spec": {
            "replicas": values.replicas.count if asked else None,
            "template": {"metadata": {"annotations": values.annotations}, "spec": spec},
        },
    }
    return File(content, values.headline, _PATCH)


def _container(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    """Found by its name; a Deployment without a container of that name would get a second one."""
    probes = values.probes
    return {
        "name": options.container or SERVER,
        "image": options.image,
        "env": environment(values.environment, options),
        "resources": resources(values),
        "startupProbe": {**_INSTEAD, **http_probe(probes.startup, port(options), options)},
        "readinessProbe": {**_INSTEAD, **http_probe(probes.readiness, port(options), options)},
        "livenessProbe": {**_INSTEAD, **http_probe(probes.liveness, port(options), options)},
        "lifecycle": {"preStop": {**_INSTEAD, **pause(values)}},
    }
