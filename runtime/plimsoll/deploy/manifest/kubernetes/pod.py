"""The pod around the container: where it may run, as whom, and for how long it may end."""

from __future__ import annotations

from plimsoll.deploy.manifest.accelerator import TAINT, Accelerator
from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import container
from plimsoll.deploy.manifest.kubernetes.metadata import labels, selector
from plimsoll.deploy.manifest.kubernetes.volumes import volumes
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values


def pod_template(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    mounted = volumes(options, values.accelerator)
    spec = {
        **confinement(),
        **placement(options, values.accelerator),
        "topologySpreadConstraints": [_spread(values.name, place) for place in ("hostname", "zone")],
        "imagePullSecrets": [{"name": options.pull_secret}] if options.pull_secret else None,
        "terminationGracePeriodSeconds": values.ending.in_all,
        "containers": [container(values, options, mounted)],
        "volumes": [volume.declared for volume in mounted],
    }
    return {"metadata": {"labels": labels(values.name), "annotations": values.annotations}, "spec": spec}


def confinement(group: Noted | None = None) -> dict[str, Tree]:
    """Of every pod of ours. A number for the user is left to the image and, on OpenShift, to the cluster.

    `group` owns the volumes that the pod writes to.
    """
    return {
        "automountServiceAccountToken": Noted(False, "the server does not speak to the cluster"),
        "enableServiceLinks": Noted(
            False, "a Service called plimsoll would set PLIMSOLL_PORT to an address, which is no port"
        ),
        "securityContext": {
            "runAsNonRoot": Noted(True, "the image's user is 10001"),
            "fsGroup": group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def placement(options: ManifestOptions, accelerator: Accelerator | None) -> dict[str, Tree]:
    """The nodes that were asked for or, with GPUs, those that NVIDIA's discovery has found."""
    found = accelerator.node_selector if accelerator else {}
    toleration = {"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}
    return {
        "nodeSelector": options.node_selector or found or None,
        "tolerations": [toleration] if accelerator else None,
    }


def _spread(name: str, place: str) -> Tree:
    key = "kubernetes.io/hostname" if place == "hostname" else "topology.kubernetes.io/zone"
    what = "node" if place == "hostname" else "zone"
    return {
        "maxSkew": Noted(1, f"as even as can be, so that the loss of a {what} costs few replicas"),
        "topologyKey": key,
        "whenUnsatisfiable": Noted("ScheduleAnyway", "better together than not at all"),
        "labelSelector": selector(name),
        "matchLabelKeys": Noted(["pod-template-hash"], "each version by itself, else a rolling update would be uneven"),
    }
