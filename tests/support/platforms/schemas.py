"""Schemas of what no light package has a schema for, by hand, as far as we write it.

A key that is not here is refused, so that nothing is written that the source does not know. Sources:
- KServe 0.16, pkg/apis/serving/v1alpha1/servingruntime_types.go and v1beta1/{component,predictor,predictor_model}.go;
- Knative Serving, pkg/apis/serving/fieldmask.go and k8s_validation.go;
- azure-ai-ml 1.35, azure/ai/ml/_schema/_deployment/online/*.py, with the bounds of the
  page "CLI (v2) managed online deployment YAML schema";
- the page "Create and manage instance types" of Azure Machine Learning;
- azure-mgmt-monitor 7.0, azure/mgmt/monitor/models/_models_py3.py: AutoscaleSettingResource and what it holds; the page
  "Understand the structure and syntax of ARM templates".
"""

from __future__ import annotations

from typing import Any

from support.custom_kinds import QUANTITY, SIZES, TEXT, TEXTS, closed

WHOLE = {"type": "integer", "minimum": 1}
CHECKED_ELSEWHERE: dict[str, Any] = {}
"""By Kubernetes' own schema of a pod."""


def _object(api_version: str, kind: str, spec: dict[str, Any], name: str = r"^[a-z]([-a-z0-9]*[a-z0-9])?$") -> Any:
    named = {"type": "string", "pattern": name}
    metadata = closed({"name": named}, {"namespace": TEXT, "labels": TEXTS, "annotations": TEXTS})
    fixed = {"apiVersion": {"const": api_version}, "kind": {"const": kind}}
    return closed(fixed | {"metadata": metadata, "spec": spec})


RUNTIME = _object(
    "serving.kserve.io/v1alpha1",
    "ServingRuntime",
    closed(
        {"containers": CHECKED_ELSEWHERE, "supportedModelFormats": {"type": "array", "items": closed({"name": TEXT})}},
        {"annotations": TEXTS, "volumes": CHECKED_ELSEWHERE, "imagePullSecrets": CHECKED_ELSEWHERE}
        | {"nodeSelector": CHECKED_ELSEWHERE, "tolerations": CHECKED_ELSEWHERE},
    ),
)
_STORAGE = {"type": "string", "pattern": r"^(pvc|s3|gs|hf|https|hdfs|webhdfs)://.+"}
_MODEL = closed({"modelFormat": closed({"name": TEXT}), "runtime": TEXT}, {"storageUri": _STORAGE})
_METRICS = {"enum": ["cpu", "memory", "concurrency", "rps"]}
_PREDICTOR = closed(
    {"minReplicas": WHOLE, "maxReplicas": WHOLE, "containerConcurrency": WHOLE, "timeout": WHOLE, "model": _MODEL},
    {"scaleMetric": _METRICS, "scaleTarget": WHOLE, "terminationGracePeriodSeconds": WHOLE},
)
SERVICE = _object("serving.kserve.io/v1beta1", "InferenceService", closed({"predictor": _PREDICTOR}))

KNATIVE_CONTAINER = closed(
    {"name": TEXT, "image": TEXT, "env": {}, "resources": {}},
    {
        "ports": {
            "type": "array",
            "maxItems": 1,
            "items": closed({"containerPort": WHOLE}, {"protocol": {"const": "TCP"}}),
        },
        "livenessProbe": {},
        "readinessProbe": {},
        "securityContext": {},
        "volumeMounts": {},
    },
)

_LIMITS = closed({"cpu": QUANTITY, "memory": QUANTITY}, {"nvidia.com/gpu": WHOLE})
INSTANCE_TYPE = _object(
    "amlarc.azureml.com/v1alpha1",
    "InstanceType",
    closed({"resources": closed({"requests": SIZES, "limits": _LIMITS})}, {"nodeSelector": TEXTS}),
)

_ROUTE = closed({"port": WHOLE, "path": {"type": "string", "pattern": "^/"}})
_ROUTES = closed({"liveness_route": _ROUTE, "readiness_route": _ROUTE, "scoring_route": _ROUTE})
_PROBE = closed(dict.fromkeys(("initial_delay", "period", "timeout", "success_threshold", "failure_threshold"), WHOLE))
_COMMON = {
    "name": {"type": "string", "pattern": r"^[a-zA-Z][-a-zA-Z0-9]{1,30}[a-zA-Z0-9]$"},
    "endpoint_name": {"type": "string", "pattern": r"^[a-zA-Z][-a-zA-Z0-9]{1,30}[a-zA-Z0-9]$"},
    "environment": closed({"image": TEXT, "inference_config": _ROUTES}),
    "environment_variables": TEXTS,
    "instance_type": TEXT,
    "liveness_probe": _PROBE,
    "readiness_probe": _PROBE,
}
_MODEL_OF_WORKSPACE = {"model": {"type": "string", "pattern": r"^azureml:[\w.-]+:\d+$"}}
_TAGS = {"tags": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 256}}}


def _requests(longest_ms: int) -> Any:
    timeout = {"type": "integer", "minimum": 1, "maximum": longest_ms}
    return closed({"request_timeout_ms": timeout, "max_concurrent_requests_per_instance": WHOLE})


MANAGED = closed(
    _COMMON
    | {
        "$schema": {"const": "https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json"},
        "type": {"const": "managed"},
        "instance_count": WHOLE,
        "request_settings": _requests(180_000),
    },
    _TAGS | _MODEL_OF_WORKSPACE,
)
_FIXED = closed({"type": {"const": "default"}})
_BY_LOAD = closed(
    {"type": {"const": "target_utilization"}, "min_instances": WHOLE, "max_instances": WHOLE},
    {"target_utilization_percentage": {"type": "integer", "minimum": 1, "maximum": 100}},
)
KUBERNETES = closed(
    _COMMON
    | {
        "$schema": {"const": "https://azuremlschemas.azureedge.net/latest/kubernetesOnlineDeployment.schema.json"},
        "type": {"const": "kubernetes"},
        "scale_settings": {"oneOf": [_FIXED, _BY_LOAD]},
        "request_settings": _requests(300_000),
    },
    _TAGS | _MODEL_OF_WORKSPACE | {"instance_count": WHOLE},
)

# Azure Monitor. Durations are checked as texts here, and against their bounds where they are read.
_MINUTES = {"type": "string", "pattern": r"^PT\d+M$"}
_COUNT = {"type": "string", "pattern": r"^[1-9]\d*$"}
_STATISTIC = {"enum": ["Average", "Min", "Max", "Sum", "Count"]}
_AGGREGATION = {"enum": ["Average", "Minimum", "Maximum", "Total", "Count", "Last"]}
_OPERATOR = {"enum": ["Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"]}
_TRIGGER = closed(
    {"metricName": TEXT, "metricResourceUri": TEXT, "timeGrain": _MINUTES, "statistic": _STATISTIC}
    | {"timeWindow": _MINUTES, "timeAggregation": _AGGREGATION, "operator": _OPERATOR, "threshold": {"type": "number"}},
    {"metricNamespace": TEXT, "dividePerInstance": {"type": "boolean"}},
)
_ACTION = closed(
    {"direction": {"enum": ["Increase", "Decrease"]}, "value": _COUNT, "cooldown": _MINUTES}
    | {"type": {"enum": ["ChangeCount", "PercentChangeCount", "ExactCount", "ServiceAllowedNextValue"]}}
)
_RULE = closed({"metricTrigger": _TRIGGER, "scaleAction": _ACTION})
_PROFILE = closed(
    {"name": TEXT, "capacity": closed(dict.fromkeys(("minimum", "maximum", "default"), _COUNT))}
    | {"rules": {"type": "array", "items": _RULE, "maxItems": 10}}
)
_SETTING = closed(
    {"name": TEXT, "enabled": {"type": "boolean"}, "targetResourceUri": TEXT}
    | {"profiles": {"type": "array", "items": _PROFILE, "minItems": 1, "maxItems": 20}}
)
AUTOSCALE = closed(
    {"type": {"const": "Microsoft.Insights/autoscaleSettings"}, "apiVersion": {"const": "2022-10-01"}}
    | {"name": TEXT, "location": TEXT, "properties": _SETTING}
)
_PARAMETER = closed(
    {"type": {"enum": ["string", "int"]}}, {"defaultValue": {}, "metadata": closed({"description": TEXT})}
)
ARM_TEMPLATE = closed(
    {
        "$schema": {"const": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"},
        "contentVersion": {"type": "string", "pattern": r"^\d+(\.\d+){3}$"},
        "resources": {"type": "array"},
    },
    {"parameters": {"type": "object", "additionalProperties": _PARAMETER}, "variables": TEXTS},
)
