"""Whether what was made is valid, for each format by the best that can be had without its platform."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator
from compose_pydantic.models import ComposeSpecification
from kubernetes_validate import validate

from plimsoll.deploy.manifest.checks.problems import problems
from support.custom_kinds import validate_custom
from support.manifests import assert_numbers_have_reasons
from support.platforms import schemas
from support.platforms.arm import resolved
from support.platforms.made import Made

KUBERNETES_VERSION = "1.35"
_JAVA = {r"\p{L}": r"\w", r"\p{Z}": r"\s", r"\p{N}": r"\d", r"\p{Print}": "[ -~]"}
_JAVA |= {r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF"}
_ROLE = "arn:aws:iam::123456789012:role/scoring"


def check(format_name: str, made: Made) -> None:
    """Raises where it is not."""
    assert problems(made.contents, made.values) == []
    assert_numbers_have_reasons(made.text)
    _CHECKS[format_name](made)


def _kubernetes(made: Made) -> None:
    for content in made.contents:
        validate(content, KUBERNETES_VERSION, strict=True)


def _kustomize(made: Made) -> None:
    """That a patch fits is seen when it is laid over something: see the tests of the format."""
    kustomization, patch = made.contents
    keys = {"apiVersion", "kind", "patches", "resources"}
    assert {*kustomization} <= keys
    assert {*kustomization["patches"][0]} == {"path", "target"}
    pod = patch["spec"]["template"]["spec"]
    container = {"image": "base"} | _without_directives(pod["containers"][0])
    valid_pod(pod | {"containers": [container]})


def _without_directives(tree: Any) -> Any:
    """`$patch` is for whoever merges; nothing of it is left in what he hands to the cluster."""
    if not isinstance(tree, dict):
        return tree
    return {key: _without_directives(value) for key, value in tree.items() if key != "$patch"}


def _helm(made: Made) -> None:
    validate(rendered(made.only), KUBERNETES_VERSION, strict=True)


def _kserve(made: Made) -> None:
    runtime, service = made.contents
    jsonschema.validate(runtime, schemas.RUNTIME)
    jsonschema.validate(service, schemas.SERVICE)
    spec, predictor = runtime["spec"], service["spec"]["predictor"]
    (container,) = spec["containers"]
    assert container["name"] == "kserve-container"
    assert predictor["model"]["runtime"] == runtime["metadata"]["name"]
    assert predictor["model"]["modelFormat"] in spec["supportedModelFormats"]
    assert predictor["minReplicas"] <= predictor["maxReplicas"]
    known = {"containers", "volumes", "imagePullSecrets", "nodeSelector", "tolerations"}
    valid_pod({key: value for key, value in spec.items() if key in known})
    if service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Serverless":
        jsonschema.validate(container, schemas.KNATIVE_CONTAINER)
        assert "terminationGracePeriodSeconds" not in predictor


def _vpa(made: Made) -> None:
    validate_custom(made.only)


def _azureml(made: Made) -> None:
    deployment, *others = made.contents
    on_kubernetes = made.options.compute == "kubernetes"
    jsonschema.validate(deployment, schemas.KUBERNETES if on_kubernetes else schemas.MANAGED)
    if not on_kubernetes:
        assert len(others) == (made.options.autoscale is not None)
        for template in others:
            _autoscale(template)
        return
    assert len(others) == 1
    for instance_type in others:
        jsonschema.validate(instance_type, schemas.INSTANCE_TYPE)
        assert deployment["instance_type"] == instance_type["metadata"]["name"]
        assert "instance_count" in deployment or deployment["scale_settings"]["type"] == "target_utilization"


def _autoscale(template: dict[str, Any]) -> None:
    jsonschema.validate(template, schemas.ARM_TEMPLATE)
    (setting,) = resolved(template, template["resources"])
    jsonschema.validate(setting, schemas.AUTOSCALE)
    (profile,) = setting["properties"]["profiles"]
    assert int(profile["capacity"]["minimum"]) <= int(profile["capacity"]["maximum"])
    for rule in profile["rules"]:
        assert 5 <= int(rule["metricTrigger"]["timeWindow"][2:-1]) <= 720
        assert 0 <= rule["metricTrigger"]["threshold"] <= 100


def _sagemaker(made: Made) -> None:
    template = made.only
    assert {*template} == {"AWSTemplateFormatVersion", "Description", "Parameters", "Resources"}
    for service, operation, parameters in calls(template):
        shape = _service(service).operation_model(operation).input_shape
        assert shape is not None
        report = ParamValidator().validate(parameters, shape)
        assert not report.has_errors(), report.generate_report()
        assert [*_broken(shape, parameters, operation)] == []


def _compose(made: Made) -> None:
    """By models that are generated from the published schema; they lack that `external` may be true, which it says."""
    content = made.only
    for volume in content.get("volumes", {}).values():
        assert volume.pop("external") is True
    ComposeSpecification.model_validate(content)


def calls(template: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The calls of the API that CloudFormation makes of a template: service, operation, parameters."""
    resources = {name: _resolved(one["Properties"]) for name, one in template["Resources"].items()}
    yield "sagemaker", "CreateModel", {"ModelName": "made"} | resources["Model"]
    yield "sagemaker", "CreateEndpointConfig", {"EndpointConfigName": "made"} | resources["EndpointConfig"]
    yield "sagemaker", "CreateEndpoint", resources["Endpoint"]
    if "Scalable" in resources:
        target = resources["Scalable"]
        names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
        policy = resources["Scaling"] | {name: target[name] for name in names}
        yield "application-autoscaling", "RegisterScalableTarget", target
        yield "application-autoscaling", "PutScalingPolicy", {k: v for k, v in policy.items() if k != "ScalingTargetId"}


def _resolved(tree: Any) -> Any:
    if isinstance(tree, dict):
        if tree == {"Ref": "Role"}:
            return _ROLE
        if {*tree} <= {"Ref", "Fn::GetAtt"}:
            return "made"
        return {key: _resolved(value) for key, value in tree.items()}
    return [_resolved(one) for one in tree] if isinstance(tree, list) else tree


@functools.cache
def _service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"))


def _broken(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Enumerations, patterns and upper bounds, which the client leaves to the service."""
    if shape.type_name == "structure":
        for name, one in value.items():
            yield from _broken(shape.members[name], one, f"{path}.{name}")
    elif shape.type_name == "list":
        for one in value:
            yield from _broken(shape.member, one, path)
    elif shape.type_name == "map":
        for name, one in value.items():
            yield from _broken(shape.key, name, path)
            yield from _broken(shape.value, one, f"{path}.{name}")
    elif not _within(shape, value):
        yield f"{path}: {value!r} is not {shape.metadata}"


def _within(shape: Shape, value: Any) -> bool:
    rules = shape.metadata
    if "enum" in rules and value not in rules["enum"]:
        return False
    if isinstance(value, str) and "pattern" in rules and not re.fullmatch(_python(rules["pattern"]), value):
        return False
    size = len(value) if isinstance(value, str) else value
    return "max" not in rules or isinstance(size, bool) or size <= rules["max"]


def _python(pattern: str) -> str:
    """Java's classes, and its surrogates, which some patterns of AWS use."""
    for java, ours in _JAVA.items():
        pattern = pattern.replace(java, ours)
    return pattern


def valid_pod(spec: dict[str, Any]) -> None:
    validate(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}, KUBERNETES_VERSION, strict=True
    )


def rendered(values: dict[str, Any]) -> dict[str, Any]:
    """The Deployment that the chart of `helm create` (Helm 3.14 and newer) makes, and the four more values beside."""
    image = values["image"]
    container = {
        "name": "chart",
        "image": f"{image['repository']}:{image['tag']}",
        "ports": [{"name": "http", "containerPort": values["service"]["port"], "protocol": "TCP"}],
    }
    taken = ("livenessProbe", "readinessProbe", "resources", "securityContext", "volumeMounts")
    taken += ("startupProbe", "env", "lifecycle")
    container |= {key: values[key] for key in taken}
    labels = {"app.kubernetes.io/name": "chart"}
    of_pod = ("imagePullSecrets", "volumes", "nodeSelector", "tolerations", "terminationGracePeriodSeconds")
    pod = {key: values[key] for key in of_pod if key in values} | {"containers": [container]}
    pod["securityContext"] = values["podSecurityContext"]
    metadata = {"labels": labels, "annotations": values["podAnnotations"]}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": {"metadata": metadata, "spec": pod}}
    if not values["autoscaling"]["enabled"]:
        spec["replicas"] = values["replicaCount"]
    name = {"name": values["fullnameOverride"]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": name, "spec": spec}


_CHECKS: Mapping[str, Callable[[Made], None]] = {
    "kubernetes": _kubernetes,
    "kustomize": _kustomize,
    "helm": _helm,
    "kserve": _kserve,
    "vpa": _vpa,
    "azureml": _azureml,
    "sagemaker": _sagemaker,
    "compose": _compose,
}
