"""Changes to one deployment file, for ours and for Azure's own package (azure_ai_ml.py). None leaves a key out."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

BASE: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
    "name": "blue",
    "endpoint_name": "digits",
    "model": {"path": "./model/"},
    "code_configuration": {"code": "./code", "scoring_script": "score.py"},
    "environment": {"conda_file": "conda.yml", "image": "mcr.microsoft.com/azureml/some:latest"},
    "instance_type": "Standard_DS3_v2",
    "instance_count": 1,
}
_IMAGE = {"image": "x"}
_ROUTE = {"port": 5001, "path": "/"}
_ROUTES = {"liveness_route": _ROUTE, "readiness_route": _ROUTE, "scoring_route": _ROUTE}
_R = {"request": {"enabled": "true"}}
_K8S = {"type": "kubernetes", "instance_type": None}


def _collected(**one: Any) -> dict[str, Any]:
    return {"data_collector": {"collections": {"model_inputs": one}}}


CASES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no name": {"name": None},
    "no endpoint": {"endpoint_name": None},
    "no type": {"instance_type": None},
    "a number for a name": {"name": 5},
    "a number for a description": {"description": 5},
    "an unknown key": {"foo": 1},
    "a count as text": {"instance_count": "3"},
    "a count with a fraction": {"instance_count": 1.5},
    "a truth value for a count": {"instance_count": True},
    "no instances": {"instance_count": 0},
    "words for a timeout": {"request_settings": {"request_timeout_ms": "abc"}},
    "a timeout as text": {"request_settings": {"request_timeout_ms": "3000"}},
    "all of the requests": {
        "request_settings": {
            "request_timeout_ms": 3000,
            "max_concurrent_requests_per_instance": 4,
            "max_queue_wait_ms": 500,
        }
    },
    "no value for a timeout": {"request_settings": {"request_timeout_ms": None}},
    "a truth value for a timeout": {"request_settings": {"request_timeout_ms": True}},
    "a date for a name": {"name": date(2026, 1, 1)},
    "an unknown key of requests": {"request_settings": {"x": 1}},
    "text for requests": {"request_settings": "x"},
    "insights maybe": {"app_insights_enabled": "maybe"},
    "insights yes": {"app_insights_enabled": "yes"},
    "insights 1": {"app_insights_enabled": 1},
    "insights off": {"app_insights_enabled": "off"},
    "egress": {"egress_public_network_access": "enabled"},
    "Egress": {"egress_public_network_access": "Disabled"},
    "egress no": {"egress_public_network_access": "no"},
    "scale default": {"scale_settings": {"type": "default"}},
    "scale by utilisation": {"scale_settings": {"type": "target_utilization", "min_instances": 1}},
    "scale by something": {"scale_settings": {"type": "x"}},
    "scale default, with a number": {"scale_settings": {"type": "default", "min_instances": 2}},
    "scale by nothing": {"scale_settings": {}},
    "a model of the workspace": {"model": "azureml:m:1"},
    "the latest model": {"model": "azureml:m@latest"},
    "a model of a registry": {"model": "azureml://registries/r/models/m/versions/1"},
    "a path for a model": {"model": "./model"},
    "a model's folder that is gone": {"model": {"path": "gone"}},
    "a model by name alone": {"model": {"name": "x", "version": 1}},
    "a model with name and path": {"model": {"name": "x", "version": "1", "path": "./model"}},
    "an MLflow model": {"model": {"path": "./model", "type": "mlflow_model"}},
    "a model of no known type": {"model": {"path": "./model", "type": "x"}},
    "a model in a datastore": {"model": {"path": "azureml://datastores/x/paths/y"}},
    "a model on the web": {"model": {"path": "https://x/y"}},
    "an unknown key of the model": {"model": {"path": "./model", "local_path": 1}},
    "an empty model": {"model": {}},
    "an unknown key of the code": {"code_configuration": {"code": "code", "scoring_script": "score.py", "x": 1}},
    "code as it was in the preview": {"code_configuration": {"code": {"local_path": "code"}}},
    "no code": {"code_configuration": None},
    "an environment of the workspace": {"environment": "azureml:e:1"},
    "no environment": {"environment": None},
    "an environment in a file": {"environment": "file:env.yml"},
    "an environment in a file that is gone": {"environment": "file:gone.yml"},
    "a path for an environment": {"environment": "env.yml"},
    "an image": {"environment": _IMAGE},
    "a conda file that is gone": {"environment": _IMAGE | {"conda_file": "gone.yml"}},
    "a conda file on the web": {"environment": _IMAGE | {"conda_file": "https://x/y"}},
    "a conda file as a reference": {"environment": _IMAGE | {"conda_file": "file:conda.yml"}},
    "a number for a conda file": {"environment": _IMAGE | {"conda_file": 3}},
    "conda inline": {"environment": _IMAGE | {"conda_file": {"dependencies": ["numpy"]}}},
    "conda in the wrong place": {"environment": _IMAGE | {"dependencies": ["numpy"]}},
    "an environment by name": {"environment": _IMAGE | {"name": "x", "version": 1}},
    "a build": {"environment": {"build": {"path": "code"}}},
    "a build that is gone": {"environment": {"build": {"path": "gone"}}},
    "a build on the web": {"environment": {"build": {"path": "https://github.com/x/y"}}},
    "an empty environment": {"environment": {}},
    "linux": {"environment": _IMAGE | {"os_type": "Linux"}},
    "mac": {"environment": _IMAGE | {"os_type": "mac"}},
    "an unknown key of the environment": {"environment": _IMAGE | {"foo": 1}},
    "one route of three": {"environment": _IMAGE | {"inference_config": {"liveness_route": {"port": 1, "path": "/"}}}},
    "all three routes": {"environment": _IMAGE | {"inference_config": _ROUTES}},
    "variables": {"environment_variables": {"A": 1, "B": True, "C": "x", "D": 1.1}},
    "variables of variables": {"environment_variables": {"A": {"x": 1}}},
    "a list of variables": {"environment_variables": ["A"]},
    "text for variables": {"environment_variables": "A"},
    "a probe": {"liveness_probe": {"initial_delay": 10, "period": "5", "timeout": 2, "failure_threshold": 3}},
    "words for a period": {"liveness_probe": {"period": "x"}},
    "a probe with a path": {"readiness_probe": {"path": "/"}},
    "a probe of the start": {"startup_probe": {"period": 1}},
    "collected": _collected(enabled="True"),
    "collected, by a truth value": _collected(enabled=True),
    "collected maybe": _collected(enabled="maybe"),
    "collected by nothing": _collected(client_id="c"),
    "collected into a data asset": _collected(enabled="true", data={"name": "x", "version": "1"}),
    "collected into text": _collected(enabled="true", data="azureml:x:1", client_id="c"),
    "nothing collected by the hour": {"data_collector": {"rolling_rate": "hour", "sampling_rate": 0.5}},
    "collected by the hour": {"data_collector": {"collections": _R, "rolling_rate": "Hour", "sampling_rate": 0.5}},
    "collected by the week": {"data_collector": {"collections": _R, "rolling_rate": "week"}},
    "collected twice": {"data_collector": {"collections": _R, "sampling_rate": 2.0}},
    "headers": {"data_collector": {"collections": _R, "request_logging": {"capture_headers": ["a"]}}},
    "headers, and nothing collected": {"data_collector": {"request_logging": {"capture_headers": ["a"]}}},
    "an unknown key of the collector": {"data_collector": {"x": 1}},
    "resources of a managed one": {"resources": {"requests": {"cpu": "1"}}},
    "Kubernetes": _K8S,
    "Kubernetes with resources": _K8S
    | {"resources": {"requests": {"cpu": "0.5", "memory": "1Gi"}, "limits": {"cpu": "1", "nvidia.com/gpu": "1"}}},
    "Kubernetes with a number": _K8S | {"resources": {"requests": {"cpu": 0.5}}},
    "Kubernetes with a disk": _K8S | {"resources": {"limits": {"disk": "1"}}},
    "Kubernetes with egress": _K8S | {"egress_public_network_access": "enabled"},
    "managed": {"type": "managed"},
    "something else": {"type": "k8s"},
    "tags": {"tags": {"a": 1}},
    "text for tags": {"tags": "x"},
    "properties": {"properties": {"a": "b"}},
    "where to mount": {"model_mount_path": "/x"},
    "a private network": {"private_network_connection": True},
    "what the service wrote": {"id": "x", "provisioning_state": "Succeeded"},
}


def with_change(change: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (BASE | change).items() if value is not None}


def desk_of(folder: Path) -> Path:
    """What `BASE` names."""
    for name in ("model", "code"):
        (folder / name).mkdir()
    (folder / "model" / "w.bin").touch()
    (folder / "code" / "score.py").touch()
    (folder / "conda.yml").write_text("name: x\ndependencies:\n- python>=3.11\n- numpy=1.26\n- pip:\n  - joblib\n")
    (folder / "env.yml").write_text("name: e\nversion: 1\nimage: x\nconda_file: conda.yml\n")
    return folder
