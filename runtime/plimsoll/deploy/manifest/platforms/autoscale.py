"""Autoscaling of a managed endpoint: an autoscale setting of Azure Monitor, as a template of Azure Resource Manager.

A deployment of Azure ML cannot hold it. The rules look at the CPU, as those of Azure's page "Autoscale online endpoints
in Azure Machine Learning" do: what it calls CpuUtilizationPercentage is a share of the whole VM, so the VM's cores have
to be known. A template is JSON, which has no comments: each number is a parameter, and its reason the description.
"""

from __future__ import annotations

import math

from plimsoll.deploy.fit.table import read_nodes
from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.platforms.files import JsonFile
from plimsoll.deploy.manifest.replicas import Scaling
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.reports.units import number

_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
_TARGET = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"
_METRIC, _GRAIN = "CpuUtilizationPercentage", "PT1M"
"""Of Azure's page "Supported metrics with Azure Monitor"."""
_LEAST_WINDOW_S = 300
"""The least that a metric trigger takes, and the cooldown that `az monitor autoscale rule create` sets."""
_LEAST_SHARE = 10
"""Per cent of the VM: below it what an idle VM does by itself decides when one is added."""
_STEADY = 0.9
"""Kept between the two thresholds, so that the load of one replica fewer does not call it back at once."""


def autoscale(values: Values, scaling: Scaling, options: ManifestOptions, deployment: str) -> JsonFile:
    """Raises UsageError where the cores of the VM are not known, or their use says nothing of the load."""
    if values.accelerator:
        raise UsageError(
            "--autoscale: Azure scales on the CPUs of a VM, which are hardly busy where the GPU does the work",
            remedy="give --replicas or --target-rps",
        )
    numbers = _numbers(values, scaling, _cores(options))
    settings = f"{values.name}-{deployment}"
    content: dict[str, Tree] = {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": _places() | {name: _parameter(one) for name, one in numbers.items()},
        "variables": {
            "deployment": f"[resourceId('{_TARGET}', parameters('workspace'), '{values.name}', '{deployment}')]"
        },
        "resources": [
            {
                "type": "Microsoft.Insights/autoscaleSettings",
                "apiVersion": "2022-10-01",
                "name": settings,
                "location": "[parameters('location')]",
                "properties": {
                    "name": settings,
                    "enabled": True,
                    "targetResourceUri": "[variables('deployment')]",
                    "profiles": [{"name": "profiled", "capacity": _capacity(), "rules": [*_rules()]}],
                },
            }
        ],
    }
    template = "--template-file autoscale.json --parameters workspace=NAME"
    deploy = f"az deployment group create --resource-group GROUP {template}"
    return JsonFile(content, f"{deploy}, after the deployment.", "autoscale.json")


def _cores(options: ManifestOptions) -> float:
    """Of the table that `plimsoll fit` uses."""
    found = next((node.vcpu for node in read_nodes("azure") if node.name == options.instance_type), None)
    if found is None:
        raise UsageError(
            f"--autoscale: Azure scales on the share of a VM's CPUs, and how many a {options.instance_type} has is not"
            " known",
            remedy="choose an --instance-type that plimsoll fit --nodes azure knows, or leave --autoscale out",
        )
    return found


def _numbers(values: Values, scaling: Scaling, cores: float) -> dict[str, Noted]:
    needs, least = values.needs, scaling.least.value
    out = math.floor(100 * needs.used_cores / cores)
    if out < _LEAST_SHARE:
        raise UsageError(
            f"--autoscale: at its rate the server uses {number(needs.used_cores)} of {cores:g} CPUs of the VM, {out} %:"
            " too little to scale on",
            remedy="choose a smaller --instance-type, or give --replicas",
        )
    back = math.floor(_STEADY * out * least / (least + 1))
    return {
        "least": scaling.least,
        "most": scaling.most,
        "addAbove": Noted(
            out,
            f"% of the {cores:g} CPUs of the VM: {number(needs.used_cores)} cores are used at"
            f" {number(needs.rate_rps)} requests/s, the rate at which the limits were proved",
        ),
        "added": Noted(least, "as many again as the least: a load twice as high is met in one step"),
        "addedAfter": _minutes(scaling.up_period, "a replica serves, and counts, before more are ordered"),
        "removeBelow": Noted(
            back, f"%: spread over {least} instead of {least + 1} it is still a tenth below where one is added"
        ),
        "removedAfter": _minutes(scaling.down_window, scaling.down_window.reason),
    }


def _minutes(seconds: Noted, reason: str) -> Noted:
    """ISO 8601, rounded up."""
    minutes = math.ceil(max(seconds.value, _LEAST_WINDOW_S) / 60)
    return Noted(f"PT{minutes}M", f"{reason}; no less than {_LEAST_WINDOW_S // 60} minutes, az's own default")


def _places() -> dict[str, Tree]:
    return {
        "workspace": {"type": "string", "metadata": {"description": "of Azure ML, in the resource group deployed to"}},
        "location": {
            "type": "string",
            "defaultValue": "[resourceGroup().location]",
            "metadata": {"description": "of the endpoint"},
        },
    }


def _parameter(found: Noted) -> Tree:
    kind = "int" if isinstance(found.value, int) else "string"
    return {"type": kind, "defaultValue": found.value, "metadata": {"description": found.reason}}


def _capacity() -> Tree:
    """Azure Monitor wants texts, and the default where it cannot see the metric."""
    least, most = "[string(parameters('least'))]", "[string(parameters('most'))]"
    return {"minimum": least, "maximum": most, "default": least}


def _rules() -> list[Tree]:
    return [
        _rule("GreaterThan", "addAbove", "PT5M", "Increase", "[string(parameters('added'))]", "addedAfter"),
        _rule("LessThan", "removeBelow", "[parameters('removedAfter')]", "Decrease", "1", "removedAfter"),
    ]


def _rule(operator: str, threshold: str, window: str, direction: str, count: str, cooldown: str) -> Tree:
    return {
        "metricTrigger": {
            "metricName": _METRIC,
            "metricResourceUri": "[variables('deployment')]",
            "timeGrain": _GRAIN,
            "statistic": "Average",
            "timeWindow": window,
            "timeAggregation": "Average",
            "operator": operator,
            "threshold": f"[parameters('{threshold}')]",
        },
        "scaleAction": {
            "direction": direction,
            "type": "ChangeCount",
            "value": count,
            "cooldown": f"[parameters('{cooldown}')]",
        },
    }
