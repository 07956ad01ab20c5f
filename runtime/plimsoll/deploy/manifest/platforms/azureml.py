"""`--format azureml`: an online deployment of Azure Machine Learning, for `az ml online-deployment create --file`.

On managed VMs each replica has one for itself, of `--instance-type`, and `--autoscale` is a second file, for Azure
Monitor. With `--compute kubernetes` it runs on an attached cluster, inside an InstanceType of the measured size, which
is a second file, for kubectl.
"""

from __future__ import annotations

import math
import re

from plimsoll.contracts.azureml.routes import SCORE
from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import port
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.autoscale import autoscale
from plimsoll.deploy.manifest.platforms.container import MODEL_VARIABLE, variables
from plimsoll.deploy.manifest.platforms.contract import check_contract
from plimsoll.deploy.manifest.platforms.files import File
from plimsoll.deploy.manifest.platforms.instance_type import instance_needs, instance_type
from plimsoll.deploy.manifest.probes import LIVE_PATH, READY_PATH, Probe
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.reports.units import number

_SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{1,30}[a-zA-Z0-9]")
"""Of endpoints: Azure's page "Manage and increase quotas and limits", as are the longest times."""
_LONGEST_S = {"managed": 180, "kubernetes": 300}
_DEFAULT_TIMEOUT_MS = 5000
_TOLERATED = 2
"""Times max_concurrent_requests_per_instance: of the page on troubleshooting online endpoints, at status 429."""
_CALL_MARGIN = 3
_COLOUR = "blue"
_MODEL = re.compile(r"azureml:([\w.-]+):(\d+)")
_MODEL_FOLDER = "/var/azureml-app/azureml-models"
_NOT_MANAGED = {
    "--gpu": "choose --instance-type by its GPUs",
    "--node-selector": "choose --instance-type",
}


_CALLED = frozenset({"azureml"})
TAKES = frozenset(
    {"replicas", "target_rps", "autoscale", "gpu", "environment", "node_selector", "port"}
    | {"model", "compute", "instance_type"}
)


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    """Raises UsageError."""
    check_contract("azureml", values, _CALLED)
    if not _NAME.fullmatch(values.name):
        raise UsageError(
            f"the name {values.name!r} is none for an endpoint of Azure ML",
            remedy="give --name with 3 to 32 letters, digits and -, beginning with a letter",
        )
    if options.compute == "kubernetes":
        return [_deployment(values, options, _on_kubernetes(values, options)), instance_type(values, options)]
    deployment = _deployment(values, options, _managed(values, options))
    scaling = values.replicas.scaling
    if options.autoscale is None or scaling is None:
        return [deployment]
    return [deployment, autoscale(values, scaling, options, _COLOUR)]


def _deployment(values: Values, options: ManifestOptions, where: dict[str, Tree]) -> File:
    kind = options.compute or "managed"
    model, folder = _model(options)
    content: dict[str, Tree] = {
        "$schema": f"{_SCHEMAS}/{kind}OnlineDeployment.schema.json",
        "type": kind,
        "name": Noted(_COLOUR, "the next version is green, beside it; then the endpoint's traffic moves"),
        "endpoint_name": values.name,
        "tags": values.annotations,
        "model": model,
        "environment": {"image": options.image, "inference_config": _routes(options)},
        "environment_variables": variables(values, options, _own(options, folder)),
        **where,
        "request_settings": {
            "request_timeout_ms": _timeout(values, kind),
            "max_concurrent_requests_per_instance": _at_once(values),
        },
        "liveness_probe": _liveness(values),
        "readiness_probe": _readiness(values),
    }
    return File(content, f"{values.headline} az ml online-deployment create --file deployment.yaml", "deployment.yaml")


def _managed(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    """Raises UsageError."""
    given = {"--gpu": options.gpu, "--node-selector": options.node_selector or None}
    for flag, remedy in _NOT_MANAGED.items():
        if given[flag] is not None:
            raise UsageError(
                f"{flag} and --compute managed exclude each other",
                remedy=f"managed is the default: --compute kubernetes, or {remedy}",
            )
    if options.instance_type is None:
        raise UsageError(
            "--format azureml needs --instance-type", remedy="plimsoll fit --nodes azure says which VM has room for it"
        )
    return {
        "instance_type": Noted(options.instance_type, instance_needs("azureml", values, options.instance_type)),
        "instance_count": values.replicas.count,
    }


def _on_kubernetes(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    if options.instance_type is not None:
        raise UsageError(
            "--instance-type and --compute kubernetes exclude each other", remedy="one of the measured size is written"
        )
    scaling = values.replicas.scaling
    found: dict[str, Tree] = {"instance_type": Noted(values.name, "of the other file")}
    if scaling is None:
        return found | {"instance_count": values.replicas.count, "scale_settings": {"type": "default"}}
    scale: dict[str, Tree] = {
        "type": "target_utilization",
        "min_instances": scaling.least,
        "max_instances": scaling.most,
        "target_utilization_percentage": _busy(values),
    }
    return found | {"scale_settings": scale}


def _at_once(values: Values) -> Noted:
    """More than the slots run and hold, where the proved rate comes in bursts that the server's queue takes."""
    level, enough = values.profile.measurements.operating_level, values.concurrency
    halved = math.ceil(level.in_flight_max / _TOLERATED) if level else 0
    if level is None or halved <= enough.value:
        return enough
    return Noted(
        halved,
        f"calls: up to {level.in_flight_max} were under way at {number(values.needs.rate_rps)} requests/s, the proved"
        f" rate, and Azure refuses (429) what goes beyond {_TOLERATED} times this; slots run and hold {enough.value}",
    )


def _busy(values: Values) -> Noted | None:
    """Azure's router scales on the share of the calls under way that replicas may have, not on CPU."""
    level, at_once = values.profile.measurements.operating_level, _at_once(values).value
    if level is None:
        return None
    share = min(max(math.floor(100 * level.in_flight_mean / at_once), 1), 100)
    return Noted(
        share,
        f"% of max_concurrent_requests_per_instance: at {number(values.needs.rate_rps)} requests/s"
        f" {number(level.in_flight_mean)} of {at_once} were under way on average",
    )


def _model(options: ManifestOptions) -> tuple[str | None, str | None]:
    """Its name for Azure, and where Azure puts it in a container that is not one of its own."""
    if options.model is None:
        return None, None
    found = _MODEL.fullmatch(options.model)
    if found is None:
        raise UsageError(
            f"--model {options.model!r}: not a model of the workspace", remedy="as in azureml:NAME:VERSION"
        )
    return options.model, f"{_MODEL_FOLDER}/{found[1]}/{found[2]}"


def _routes(options: ManifestOptions) -> dict[str, Tree]:
    at = port(options)
    return {
        "liveness_route": {"port": at, "path": LIVE_PATH},
        "readiness_route": {"port": at, "path": READY_PATH},
        "scoring_route": {"port": at, "path": SCORE},
    }


def _own(options: ManifestOptions, model_folder: str | None) -> dict[str, Tree]:
    port: dict[str, Tree] = {"PLIMSOLL_PORT": Noted(str(options.port), "as in the routes")}
    return port | ({MODEL_VARIABLE: model_folder} if model_folder else {})


def _timeout(values: Values, kind: str) -> Noted:
    longest_s, call_s = _LONGEST_S[kind], values.needs.longest_call_s
    if call_s > longest_s:
        raise UsageError(
            f"--format azureml: the longest call took {number(call_s)} s, and Azure ML waits for {longest_s} s at most",
            remedy="serve it with --format kubernetes, or send smaller requests",
        )
    wanted_ms = max(math.ceil(1000 * _CALL_MARGIN * call_s), _DEFAULT_TIMEOUT_MS)
    return Noted(
        min(wanted_ms, 1000 * longest_s),
        f"ms, the wait for a slot included: {_CALL_MARGIN} times the longest call of {number(call_s)} s, at least"
        f" {_DEFAULT_TIMEOUT_MS}, Azure's default, at most {1000 * longest_s}, its longest",
    )


def _liveness(values: Values) -> dict[str, Tree]:
    return _probe(values.probes.liveness, values.probes.liveness.failures)


def _readiness(values: Values) -> dict[str, Tree]:
    probe, start_s = values.probes.readiness, values.probes.startup.budget_s
    failures = max(math.ceil(start_s / probe.period.value), probe.failures.value)
    reason = f"the start has no probe of its own, and may take {start_s} s: {values.probes.startup.failures.reason}"
    return _probe(probe, Noted(failures, reason))


def _probe(probe: Probe, failures: Noted) -> dict[str, Tree]:
    return {
        "initial_delay": Noted(1, "s, the least: the front answers before the model is there"),
        "period": probe.period,
        "timeout": probe.timeout,
        "success_threshold": Noted(1, "a replica that answers is well"),
        "failure_threshold": failures,
    }
