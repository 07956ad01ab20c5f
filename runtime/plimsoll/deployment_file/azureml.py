"""Online deployments of Azure Machine Learning v2: managedOnlineDeployment and kubernetesOnlineDeployment.

Keys, their types and which are required are those of Azure's own package (azure-ai-ml, `load_online_deployment`); what
its server and its front door make of them is what Azure's pages say: "CLI (v2) managed online deployment YAML schema"
and, for 429, "Troubleshoot online endpoints".
"""

from __future__ import annotations

import re

from plimsoll.deployment_file.azureml_collector import read_collector
from plimsoll.deployment_file.azureml_environment import read_environment_of
from plimsoll.deployment_file.azureml_ignored import read_ignored
from plimsoll.deployment_file.found import Deployment, Said, Target
from plimsoll.deployment_file.paths import local_path, looking_up
from plimsoll.deployment_file.resources import read_resources
from plimsoll.deployment_file.section import Section
from plimsoll.deployment_file.variables import read_variables

_TOLERATED = 2
"""Times max_concurrent_requests_per_instance are under way before Azure answers 429."""
_MODEL_NAME = re.compile(r"\w[\w.-]*")
_MODEL_REMEDY = "download it and name its folder with --model-dir"
_CODE_REMEDY = "name the script with --entry-script"


def read_azureml(file: Section, given: frozenset[str]) -> Deployment:
    """`given` are the settings that take precedence: what they replace may be in the cloud. Raises UsageError."""
    names = {"name": "name", "service_name": "endpoint_name"}
    said = {setting: Said(file.required(key), file.place(key)) for setting, key in names.items()}
    found = Deployment(target=_target(file), settings=said, notes=file.notes)
    if description := file.text("description"):
        found.settings["description"] = Said(description, file.place("description"))
    _read_model(file, found, given)
    _read_code(file, found, given)
    found.variables = read_variables(file, "environment_variables", found)
    _read_requests(file, found)
    read_environment_of(file, found)
    read_collector(file, found, given)
    read_ignored(file, found)
    file.close()
    return found


def _is_kubernetes(file: Section) -> bool:
    kind = file.text("type") or "managed"
    if kind.lower() not in ("managed", "kubernetes"):
        raise file.error("type", f"{kind!r} is not one of managed, kubernetes")
    return kind.lower() == "kubernetes"


def _target(file: Section) -> Target:
    """Only Kubernetes has resources, and a type of its own that nobody else knows."""
    instances = file.whole("instance_count")
    if not _is_kubernetes(file):
        return Target(file=str(file.file), instance_type=file.required("instance_type"), instances=instances)
    file.text("instance_type")
    return Target(file=str(file.file), instances=instances, resources=read_resources(file, "resources"))


def _read_model(file: Section, found: Deployment, given: frozenset[str]) -> None:
    if "model" not in file:
        return
    text = file.text("model") if file.is_text("model") else None
    if text is not None and not text.startswith("azureml:"):
        raise file.error("model", f"{text!r} is not azureml:NAME:VERSION", f"write a path as model: {{path: {text}}}")
    if {"model_dir", "model"} & given:
        file.any("model")
        found.ignore(file.place("model"), "another model folder takes precedence")
    elif text is not None:
        raise file.error("model", f"{text!r} is not on this machine", _MODEL_REMEDY)
    elif model := file.section("model"):
        _read_inline_model(model, found)


def _read_inline_model(model: Section, found: Deployment) -> None:
    text, name = model.text("path"), model.text("name")
    if model.one_of("type", "custom_model", "mlflow_model", "triton_model") == "mlflow_model":
        found.builtin = Said("builtin:mlflow", model.place("type"))
    for key in ("version", "description", "properties", "tags", "stage", "flavors", "datastore", "system_metadata"):
        model.any(key)
    model.close()
    if text is None:
        if name is not None:
            raise model.error("path", f"missing, and the model {name!r} is not on this machine", _MODEL_REMEDY)
        return
    found.model = Said(local_path(model, "path", text, _MODEL_REMEDY), model.place("path"))
    found.model_name = name or found.model_name
    if not _MODEL_NAME.fullmatch(found.model_name):
        raise model.error("name", f"{name!r} is no name for a model", "as in digits, digits-2 or digits_v2.1")


def _read_code(file: Section, found: Deployment, given: frozenset[str]) -> None:
    """Azure's own server finds no script elsewhere, and neither is one looked for in the current folder."""
    if "entry_script" in given:
        if file.section("code_configuration") is not None:
            found.ignore(file.place("code_configuration"), "another entry script takes precedence")
        return
    code = file.section("code_configuration")
    if code is None and found.builtin is not None:
        found.settings["entry_script"] = found.builtin
        return
    if code is None:
        raise file.error("code_configuration", "missing, so that nothing says which script to serve", _CODE_REMEDY)
    folder_name, script_name = code.text("code"), code.text("scoring_script")
    code.close()
    for key, text in (("code", folder_name), ("scoring_script", script_name)):
        if not text:
            raise code.error(key, "missing", _CODE_REMEDY)
    folder = local_path(code, "code", folder_name or "", _CODE_REMEDY)
    script = folder / (script_name or "")
    with looking_up(code, "scoring_script", script_name or ""):
        is_there = script.is_file()
    if not is_there:
        raise code.error("scoring_script", f"{script_name!r} is not in {folder}", _CODE_REMEDY)
    found.settings["entry_script"] = Said(str(script), code.place("scoring_script"))
    found.settings["app_root"] = Said(str(folder), code.place("code"))


def _read_requests(file: Section, found: Deployment) -> None:
    requests = file.section("request_settings")
    if requests is None:
        return
    timeout_ms = requests.whole("request_timeout_ms")
    at_once = requests.whole("max_concurrent_requests_per_instance", least=1)
    if timeout_ms is not None:
        found.settings["scoring_timeout_ms"] = Said(timeout_ms, requests.place("request_timeout_ms"))
    if at_once is not None:
        place = requests.place("max_concurrent_requests_per_instance")
        found.requests_at_once = Said(_TOLERATED * at_once, place)
    if requests.whole("max_queue_wait_ms") is not None:
        why = "a call waits for a slot until the client gives up, or --max-queue others wait before it"
        found.ignore(requests.place("max_queue_wait_ms"), why)
    requests.close()
