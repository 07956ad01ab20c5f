"""`--format vpa`: a VerticalPodAutoscaler that begins with what was measured, instead of with no history.

Not together with a HorizontalPodAutoscaler on CPU: both would act on the same figure.
"""

from __future__ import annotations

import math

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import SERVER
from plimsoll.deploy.manifest.kubernetes.metadata import metadata
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.reports.kubernetes import memory_quantity

_OOM_RATIO, _OOM_LEAST_BYTES = 1.2, 100 * MEBIBYTE
"""Defaults of the recommender's --oom-bump-up-ratio and --oom-min-bump-up-bytes."""


TAKES = frozenset({"namespace", "labels", "container"})


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    policy: dict[str, Tree] = {
        "containerName": options.container or SERVER,
        "minAllowed": _least(values),
        "maxAllowed": _most(values),
        "controlledResources": ["cpu", "memory"],
        "controlledValues": Noted("RequestsAndLimits", "limits keep the measured ratio to their requests"),
    }
    content: dict[str, Tree] = {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": metadata(values.name, options, values.annotations),
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": values.name},
            "updatePolicy": {
                "updateMode": Noted("Initial", "new replicas get what it recommends; none that serves is evicted")
            },
            "resourcePolicy": {"containerPolicies": [policy]},
        },
    }
    head = f"{values.headline} For the Deployment {values.name}, which runs {options.image}."
    return [Document(content, f"{head} Not beside a HorizontalPodAutoscaler on CPU.")]


def _least(values: Values) -> dict[str, Tree]:
    rate = values.resources.cpu_request
    return {"cpu": Noted(rate.value, f"less was not proved: {rate.reason}"), "memory": values.resources.memory_request}


def _most(values: Values) -> dict[str, Tree]:
    needs, own = values.needs, values.resources
    most = own.cpu_limit if needs.limit_cores >= needs.request_cores else own.cpu_request
    grown = max(math.ceil(needs.limit_bytes * _OOM_RATIO), needs.limit_bytes + _OOM_LEAST_BYTES)
    return {
        "cpu": Noted(
            most.value,
            "the quota that keeps the latency down at the proved rate; for more, add replicas",
        ),
        "memory": Noted(
            memory_quantity(grown),
            "one step of the autoscaler above the measured limit, as it takes after an out-of-memory kill (1.2 times,"
            " at least 100 MiB more); a model that needs still more should be profiled again",
        ),
    }
