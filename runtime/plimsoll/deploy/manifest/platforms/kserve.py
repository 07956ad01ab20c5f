"""`--format kserve`: a ServingRuntime with the measured container, and an InferenceService that scales it.

Without `--scale` under Knative, on requests per second; with `--scale hpa` as a plain Deployment (KServe's raw mode),
on CPU. Knative does not take everything that a pod has (its fieldmask.go): no preStop, no period of grace of one's own,
and probes with numbers for ports.
"""

from __future__ import annotations

import math
from dataclasses import replace

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import environment, http_probe, port, resources
from plimsoll.deploy.manifest.kubernetes.metadata import metadata
from plimsoll.deploy.manifest.kubernetes.pod import placement
from plimsoll.deploy.manifest.kubernetes.volumes import Volume, volumes
from plimsoll.deploy.manifest.options import LABEL_LENGTH, ManifestOptions
from plimsoll.deploy.manifest.platforms.container import MODEL_VARIABLE, confined_alone, pre_stop
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.reports.units import number

_CONTAINER = "kserve-container"
_MODEL_FORMAT = "score-py"
_MODEL_FOLDER = "/mnt/models"
"""Where KServe puts what `storageUri` names."""
_PROGRESS_S = 600
"""Knative gives a revision up after so long (config-deployment, progress-deadline)."""
_LONGEST_TIMEOUT_S = 600
"""Knative's max-revision-timeout-seconds, unless its administrator has raised it."""
_MOST_AT_ONCE = 1000
"""Knative's container-concurrency-max-limit, unless its administrator has raised it: more it refuses."""
_NAME_LENGTH = LABEL_LENGTH - len("-predictor")
"""KServe makes names of services of it, which have no more than a label."""


TAKES = frozenset(
    {
        "replicas",
        "target_rps",
        "autoscale",
        "scale",
        "gpu",
        "mig",
        "environment",
        "node_selector",
        "port",
        "namespace",
        "labels",
    }
    | {"keys_secret", "pull_secret", "model_claim", "model"}
)


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    """Raises UsageError."""
    if options.scale == "keda":
        raise UsageError(
            "--scale keda and --format kserve exclude each other", remedy="it scales on requests itself, or --scale hpa"
        )
    if options.model is not None and options.model_claim is not None:
        raise UsageError("--model and --model-claim exclude each other", remedy="give the one that has the model")
    if options.model is not None and "://" not in options.model:
        raise UsageError(
            f"--model {options.model!r}: no address", remedy="as in s3://bucket/folder or pvc://claim/folder"
        )
    if len(values.name) > _NAME_LENGTH:
        raise UsageError(
            f"the name {values.name!r} is too long for KServe, which makes NAME-predictor of it",
            remedy=f"give --name with at most {_NAME_LENGTH} characters",
        )
    return [_runtime(values, options), _service(values, options)]


def _storage(options: ManifestOptions) -> str | None:
    return f"pvc://{options.model_claim}/" if options.model_claim else options.model


def _knative(options: ManifestOptions) -> bool:
    return options.scale is None


def _runtime(values: Values, options: ManifestOptions) -> Document:
    plain = replace(options, model_claim=None)  # the claim is mounted by KServe
    mounted = volumes(plain, values.accelerator)
    spec: dict[str, Tree] = {
        "annotations": values.annotations,
        "supportedModelFormats": [{"name": _MODEL_FORMAT}],
        "imagePullSecrets": [{"name": options.pull_secret}] if options.pull_secret else None,
        **_placed(values, options),
        "containers": [_container(values, plain, mounted, _storage(options))],
        "volumes": [volume.declared for volume in mounted],
    }
    content: dict[str, Tree] = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": metadata(values.name, options),
        "spec": spec,
    }
    return Document(content, values.headline)


def _placed(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    placed = placement(options, values.accelerator)
    if _knative(options) and placed["nodeSelector"] is not None:
        reason = "Knative takes nodeSelector and tolerations where its config-features allow them"
        return placed | {"nodeSelector": Noted(placed["nodeSelector"], reason)}
    return placed


def _container(values: Values, options: ManifestOptions, mounted: list[Volume], storage: str | None) -> dict[str, Tree]:
    probes, at = values.probes, port(options)
    knative = _knative(options)
    model = {MODEL_VARIABLE: Noted(_MODEL_FOLDER, "where KServe puts it")} if storage else {}
    return {
        "name": _CONTAINER,
        "image": options.image,
        "ports": [{"containerPort": at, "protocol": "TCP"}],
        "env": environment({**values.environment, **model}, options),
        "resources": resources(values),
        "startupProbe": None if knative else http_probe(probes.startup, at, options),
        "readinessProbe": http_probe(probes.readiness, at, options),
        "livenessProbe": http_probe(probes.liveness, at, options),
        "lifecycle": None if knative else pre_stop(values),
        "securityContext": confined_alone(),
        "volumeMounts": [volume.mount for volume in mounted],
    }


def _service(values: Values, options: ManifestOptions) -> Document:
    annotations: dict[str, Tree] = {"serving.kserve.io/deploymentMode": "RawDeployment"}
    if _knative(options):
        annotations = _of_knative(values)
    content: dict[str, Tree] = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata(values.name, options) | {"annotations": annotations},
        "spec": {"predictor": _predictor(values, options)},
    }
    return Document(content, "Requests go to /score at its address.")


def _of_knative(values: Values) -> dict[str, Tree]:
    start_s = values.probes.startup.budget_s
    deadline = Noted(f"{start_s}s", f"Knative's default is {_PROGRESS_S}; {values.probes.startup.failures.reason}")
    return {
        "serving.kserve.io/deploymentMode": "Serverless",
        "serving.knative.dev/progress-deadline": deadline if start_s > _PROGRESS_S else None,
        "autoscaling.knative.dev/target-utilization-percentage": Noted(
            "100", "the proved rate has its headroom already; Knative would aim at 70 % of the target"
        ),
    }


def _predictor(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    scaling, count = values.replicas.scaling, values.replicas.count
    return {
        "minReplicas": scaling.least if scaling else count,
        "maxReplicas": scaling.most if scaling else count,
        **(_target(values, options) if scaling else {}),
        "containerConcurrency": _at_once(values, options),
        "timeout": _timeout(values),
        "terminationGracePeriodSeconds": None if _knative(options) else values.ending.in_all,
        "model": {
            "modelFormat": {"name": _MODEL_FORMAT},
            "runtime": values.name,
            "storageUri": _storage(options),
        },
    }


def _target(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    """KServe takes whole numbers only: below one request/s they can be counted while they are under way."""
    scaling, rate_rps = values.replicas.scaling, values.needs.rate_rps
    if scaling is not None and not _knative(options):
        return {"scaleMetric": "cpu", "scaleTarget": scaling.utilisation}
    if rate_rps < 1:
        slots = Noted(values.needs.slots, f"calls at once; it carries {number(rate_rps)} requests/s, below one")
        return {"scaleMetric": "concurrency", "scaleTarget": slots}
    reason = f"requests/s per replica: the limits were proved at {number(rate_rps)}"
    return {"scaleMetric": "rps", "scaleTarget": Noted(math.floor(rate_rps), reason)}


def _at_once(values: Values, options: ManifestOptions) -> Noted:
    wanted = values.concurrency
    if not _knative(options) or wanted.value <= _MOST_AT_ONCE:
        return wanted
    return Noted(_MOST_AT_ONCE, f"the most that Knative allows, instead of {wanted.value} {wanted.reason}")


def _timeout(values: Values) -> Noted:
    ending = values.ending
    reason = (
        f"s for one request, of which the longest took {number(values.needs.longest_call_s)}; Knative also gives a"
        " replica as long to end, which is preStop, drain and grace"
    )
    if ending.in_all.value > _LONGEST_TIMEOUT_S:
        reason += f"; above {_LONGEST_TIMEOUT_S} Knative's max-revision-timeout-seconds must be raised"
    return Noted(ending.in_all.value, reason)
