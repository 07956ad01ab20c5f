"""Schemas of the kinds that Kubernetes' own do not know, by hand, as far as they are written here.

A key that is not here is refused. Sources: KEDA, config/crd/bases/keda.sh_scaledobjects.yaml, and for metricType its
page on scaling Deployments; the Prometheus operator 0.82, monitoring.coreos.com_prometheusrules.yaml, and its API
reference for the ServiceMonitor; the Vertical Pod Autoscaler, deploy/vpa-v1-crd-gen.yaml. The first three, as they are
written, also passed the validators that @kubernetes-models/keda 2.0 and prometheus-operator 6.0 (npm) have.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

TEXT = {"type": "string"}
WHOLE = {"type": "integer", "minimum": 0}
TEXTS = {"type": "object", "additionalProperties": TEXT}
DURATION = {
    "type": "string",
    "pattern": r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
}


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    known = {"properties": required | (optional or {}), "required": [*required]}
    return known | {"type": "object", "additionalProperties": False}


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


def one_of(*values: str) -> dict[str, Any]:
    return {"enum": [*values]}


def _kind(api_version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = closed({"name": TEXT}, {"namespace": TEXT, "labels": TEXTS, "annotations": TEXTS})
    fixed = {"apiVersion": {"const": api_version}, "kind": {"const": kind}}
    return closed(fixed | {"metadata": metadata, "spec": spec})


TARGET = closed({"apiVersion": TEXT, "kind": TEXT, "name": TEXT})
# As in autoscaling/v2, by which KEDA's scheme is generated.
_POLICY = closed({"type": one_of("Pods", "Percent"), "value": WHOLE, "periodSeconds": {"minimum": 1, "maximum": 1800}})
_RULES = closed({}, {"stabilizationWindowSeconds": {"minimum": 0, "maximum": 3600}, "policies": listed(_POLICY)})
_BEHAVIOUR = closed({}, {"scaleUp": _RULES, "scaleDown": _RULES})
_TRIGGER = closed(
    {"type": {"const": "prometheus"}, "metadata": closed({"serverAddress": TEXT, "query": TEXT, "threshold": TEXT},
     {"ignoreNullValues": one_of("true", "false")})},
    {"metricType": one_of("AverageValue", "Value")},
)  # fmt: skip
SCALED_OBJECT = _kind(
    "keda.sh/v1alpha1",
    "ScaledObject",
    closed(
        {"scaleTargetRef": TARGET, "triggers": listed(_TRIGGER)},
        {"minReplicaCount": WHOLE, "maxReplicaCount": WHOLE, "pollingInterval": WHOLE}
        | {"advanced": closed({"horizontalPodAutoscalerConfig": closed({"behavior": _BEHAVIOUR})})},
    ),
)
_HTTPS = {"scheme": one_of("http", "https"), "tlsConfig": closed({}, {"insecureSkipVerify": {"type": "boolean"}})}
SERVICE_MONITOR = _kind(
    "monitoring.coreos.com/v1",
    "ServiceMonitor",
    closed(
        {
            "selector": closed({"matchLabels": TEXTS}),
            "endpoints": listed(closed({"port": TEXT}, {"path": TEXT, "interval": DURATION, **_HTTPS})),
        }
    ),
)
_RULE = closed({"alert": TEXT, "expr": TEXT}, {"for": DURATION, "labels": TEXTS, "annotations": TEXTS})
PROMETHEUS_RULE = _kind(
    "monitoring.coreos.com/v1",
    "PrometheusRule",
    closed({"groups": listed(closed({"name": TEXT, "rules": listed(_RULE)}))}),
)
_BOOST = closed({"cpu": closed({"type": {"const": "Factor"}, "factor": {"type": "integer", "minimum": 1}})})
QUANTITY = {"type": "string", "pattern": r"^\d+(\.\d+)?(m|Mi|Gi)?$"}
SIZES = closed({"cpu": QUANTITY, "memory": QUANTITY})
_POLICY = closed(
    {"containerName": TEXT},
    {
        "mode": one_of("Auto", "Off"),
        "startupBoost": _BOOST,
        "minAllowed": SIZES,
        "maxAllowed": SIZES,
        "controlledResources": listed(one_of("cpu", "memory")),
        "controlledValues": one_of("RequestsAndLimits", "RequestsOnly"),
    },
)
VERTICAL = _kind(
    "autoscaling.k8s.io/v1",
    "VerticalPodAutoscaler",
    closed(
        {"targetRef": TARGET},
        {
            "updatePolicy": closed({"updateMode": one_of("Off", "Initial", "Recreate", "InPlaceOrRecreate", "Auto")}),
            "resourcePolicy": closed({"containerPolicies": listed(_POLICY)}),
        },
    ),
)
SCHEMAS = {
    one["properties"]["kind"]["const"]: one for one in (SCALED_OBJECT, SERVICE_MONITOR, PROMETHEUS_RULE, VERTICAL)
}


def validate_custom(content: dict[str, Any]) -> None:
    """Raises jsonschema.ValidationError, or KeyError for a kind that is not known."""
    Draft202012Validator(SCHEMAS[content["kind"]]).validate(content)
