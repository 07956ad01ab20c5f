"""`--format sagemaker`: a template for CloudFormation with model, endpoint configuration, endpoint and its scaling.

One file instead of a call of the API for each. The properties are those of CreateModel, CreateEndpointConfig,
CreateEndpoint and, of Application Auto Scaling, RegisterScalableTarget and PutScalingPolicy. Each replica has an
instance for itself.
"""

from __future__ import annotations

import math
import re

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.container import MODEL_VARIABLE, variables
from plimsoll.deploy.manifest.platforms.contract import check_contract
from plimsoll.deploy.manifest.platforms.instance_type import instance_needs
from plimsoll.deploy.manifest.replicas import Scaling
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.reports.units import number
from plimsoll.settings.serving import longest_stop_s

_PORT = 8080
_VARIANT = "AllTraffic"
_MODEL_FOLDER = "/opt/ml/model"
_LONGEST_CALL_S = 60
_KILLED_AFTER_S = 30
"""Of the page "Custom inference code with hosting services"; so are the port, the folder and the paths."""
_DRAIN_S, _GRACE_S = 5, 8
_LEAST_START_S, _LONGEST_START_S = 60, 3600
"""Of ContainerStartupHealthCheckTimeoutInSeconds."""
_MINUTE_S = 60
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_S3 = re.compile(r"s3://[^/]+/.+")
_NO_TAG = re.compile(r"[^\w .:/=+@-]+")
"""What the values of tags must not have."""
_TAG_LENGTH = 256


_CALLED = frozenset({"azureml", "sagemaker", "mlflow"})
TAKES = frozenset({"replicas", "target_rps", "autoscale", "environment", "model", "instance_type"})


def documents(values: Values, options: ManifestOptions) -> list[Document]:
    """Raises UsageError."""
    check_contract("sagemaker", values, _CALLED)
    _check(values, options)
    scaling = values.replicas.scaling
    content: dict[str, Tree] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{values.name}: {values.annotations['plimsoll.load-line'].value}",
        "Parameters": {"Role": {"Type": "String", "Description": "ARN of the role that SageMaker takes on"}},
        "Resources": {
            "Model": _resource("Model", _model(values, options)),
            "EndpointConfig": _resource("EndpointConfig", _endpoint_config(values, options)),
            "Endpoint": _resource("Endpoint", _endpoint(values)),
            **(_scaling(values, scaling) if scaling is not None else {}),
        },
    }
    deploy = f"aws cloudformation deploy --stack-name {values.name} --template-file FILE --parameter-overrides Role=ARN"
    return [Document(content, f"{values.headline} {deploy}")]


def _check(values: Values, options: ManifestOptions) -> None:
    if options.instance_type is None:
        raise UsageError(
            "--format sagemaker needs --instance-type", remedy="plimsoll fit --nodes aws says which has room for it"
        )
    if not _INSTANCE_TYPE.fullmatch(options.instance_type):
        raise UsageError(
            f"--instance-type {options.instance_type!r}: none of SageMaker's", remedy="as in ml.c6i.xlarge"
        )
    if options.model is not None and not _S3.fullmatch(options.model):
        raise UsageError(
            f"--model {options.model!r}: SageMaker reads models from S3", remedy="as in s3://bucket/model.tar.gz"
        )
    if values.needs.longest_call_s > _LONGEST_CALL_S:
        raise UsageError(
            f"--format sagemaker: the longest call took {number(values.needs.longest_call_s)} s, and SageMaker waits"
            f" for {_LONGEST_CALL_S} s at most",
            remedy="serve it with --format kubernetes, or send smaller requests",
        )


def _resource(kind: str, properties: dict[str, Tree]) -> dict[str, Tree]:
    return {"Type": f"AWS::SageMaker::{kind}", "Properties": properties}


def _model(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    return {
        "ExecutionRoleArn": {"Ref": "Role"},
        "PrimaryContainer": {
            "Image": options.image,
            "ModelDataUrl": options.model,
            "Environment": variables(values, options, _own(values, options)),
        },
    }


def _own(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    call_s = values.needs.longest_call_s
    stop_s = longest_stop_s(_DRAIN_S, _GRACE_S)
    cut = f"; the longest took {number(call_s)}, and may be cut" if call_s > _GRACE_S else ""
    return {
        "PLIMSOLL_PORT": Noted(str(_PORT), "SageMaker's"),
        "PLIMSOLL_DRAIN_SECONDS": Noted(str(_DRAIN_S), "s of serving while not ready: one ping of SageMaker's"),
        "PLIMSOLL_GRACE_SECONDS": Noted(
            str(_GRACE_S),
            f"s for running calls{cut}: with the drain {stop_s} s in all, SageMaker kills at {_KILLED_AFTER_S}",
        ),
        **({MODEL_VARIABLE: _MODEL_FOLDER} if options.model is not None else {}),
    }


def _endpoint_config(values: Values, options: ManifestOptions) -> dict[str, Tree]:
    chosen = options.instance_type or ""
    variant: dict[str, Tree] = {
        "VariantName": _VARIANT,
        "ModelName": _attribute("Model", "ModelName"),
        "InstanceType": Noted(chosen, instance_needs("sagemaker", values, chosen)),
        "InitialInstanceCount": values.replicas.count,
        "InitialVariantWeight": Noted(1, "the only variant"),
        "ContainerStartupHealthCheckTimeoutInSeconds": _start(values),
        "RoutingConfig": {
            "RoutingStrategy": Noted("LEAST_OUTSTANDING_REQUESTS", "rather than at random, which makes queues")
        },
    }
    tags: list[Tree] = [{"Key": key, "Value": _tag(value)} for key, value in values.annotations.items()]
    return {"ProductionVariants": [variant], "Tags": tags}


def _start(values: Values) -> Noted:
    budget_s = values.probes.startup.budget_s
    return Noted(
        min(max(budget_s, _LEAST_START_S), _LONGEST_START_S),
        f"s: {values.probes.startup.failures.reason}; SageMaker takes {_LEAST_START_S} to {_LONGEST_START_S}",
    )


def _endpoint(values: Values) -> dict[str, Tree]:
    return {
        "EndpointName": values.name,
        "EndpointConfigName": _attribute("EndpointConfig", "EndpointConfigName"),
    }


def _scaling(values: Values, scaling: Scaling) -> dict[str, Tree]:
    return {
        "Scalable": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "DependsOn": "Endpoint",
            "Properties": {
                "ServiceNamespace": "sagemaker",
                "ResourceId": f"endpoint/{values.name}/variant/{_VARIANT}",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "MinCapacity": scaling.least,
                "MaxCapacity": scaling.most,
            },
        },
        "Scaling": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": f"{values.name}-rate",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Scalable"},
                "TargetTrackingScalingPolicyConfiguration": _tracking(values, scaling),
            },
        },
    }


def _tracking(values: Values, scaling: Scaling) -> dict[str, Tree]:
    rate_rps = values.needs.rate_rps
    return {
        "TargetValue": Noted(
            max(math.floor(_MINUTE_S * rate_rps), 1),
            f"requests a minute per instance: the limits were proved at {number(rate_rps)} a second, headroom included",
        ),
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleOutCooldown": scaling.up_period,
        "ScaleInCooldown": scaling.down_window,
    }


def _tag(value: Noted) -> Noted:
    return Noted(_NO_TAG.sub("", value.value)[:_TAG_LENGTH], value.reason)


def _attribute(resource: str, name: str) -> dict[str, Tree]:
    return {"Fn::GetAtt": [resource, name]}
