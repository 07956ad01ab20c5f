"""Azure ML's online deployments: what a file may say, what becomes of it, and what is refused.

The outside reference is azure-ai-ml: azure_ai_ml.json is what it makes of the same files, written by azure_ai_ml.py.
"""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure_cases import BASE, CASES, desk_of, with_change

from plimsoll.deployment_file.found import Deployment, Resources, Said
from plimsoll.deployment_file.read import read_deployment
from plimsoll.errors import UsageError


def read(folder: Path, *given: str, **changes: Any) -> Deployment:
    file = folder / "deployment.yml"
    file.write_text(yaml.safe_dump(with_change(changes), sort_keys=False))
    return read_deployment(file, frozenset(given))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return desk_of(tmp_path)


def refused(folder: Path, *given: str, **changes: Any) -> str:
    with pytest.raises(UsageError) as failed:
        read(folder, *given, **changes)
    text = str(failed.value)
    assert text.startswith(f"deployment file {folder / 'deployment.yml'}, line "), text
    assert "\n" not in text
    return text.partition(", line ")[2].partition(": ")[2]


def values(found: Deployment) -> dict[str, Any]:
    return {name: said.value for name, said in found.settings.items()}


def test_an_mlflow_model_needs_no_script(desk: Path) -> None:
    mlflows = {"path": "./model", "type": "mlflow_model"}
    found = read(desk, code_configuration=None, model=mlflows)
    assert found.settings["entry_script"] == Said("builtin:mlflow", f"{desk / 'deployment.yml'}: model.type")
    assert values(read(desk, model=mlflows))["entry_script"] == str(desk / "code" / "score.py")
    assert "entry_script" not in values(read(desk, "entry_script", code_configuration=None, model=mlflows))


def test_script_model_and_names(desk: Path) -> None:
    found = read(desk, description="a first try")
    assert values(found) == {
        "name": "blue",
        "service_name": "digits",
        "description": "a first try",
        "entry_script": str(desk / "code" / "score.py"),
        "app_root": str(desk / "code"),
    }
    assert found.model is not None
    assert (found.model.value, found.model_name) == (desk / "model", "model")
    assert found.settings["app_root"].place == f"{desk / 'deployment.yml'}: code_configuration.code"
    assert found.target.instance_type == "Standard_DS3_v2"


def test_what_is_honoured_of_requests_and_variables(desk: Path) -> None:
    limits = {"request_timeout_ms": "3000", "max_concurrent_requests_per_instance": 4, "max_queue_wait_ms": 500}
    variables = {"A": 1, "B": True, "C": "x", "D": 1.10, "AZUREML_MODEL_DIR": "/models"}
    found = read(desk, request_settings=limits, environment_variables=variables)
    assert values(found)["scoring_timeout_ms"] == 3000
    assert found.requests_at_once is not None
    assert found.requests_at_once.value == 8
    assert {name: said.value for name, said in found.variables.items()} == {"A": "1", "B": "True", "C": "x", "D": "1.1"}
    assert [note.partition("deployment.yml: ")[2].split()[0].rstrip(":") for note in found.notes] == [
        "environment_variables.AZUREML_MODEL_DIR",
        "request_settings.max_queue_wait_ms",
        "environment.image",
        "environment.conda_file",
        "instance_type",
        "instance_count",
    ]


def test_a_model_by_name(desk: Path) -> None:
    found = read(desk, model={"name": "digits", "version": 3, "path": "model/w.bin"})
    assert found.model is not None
    assert (found.model.value, found.model_name) == (desk / "model" / "w.bin", "digits")


def test_resources_of_kubernetes(desk: Path) -> None:
    sides = {"requests": {"cpu": "500m", "memory": "0.5Gi"}, "limits": {"cpu": "1", "memory": "2G"}}
    found = read(desk, type="kubernetes", instance_type="defaultinstancetype", resources=sides)
    assert found.target.instance_type is None
    assert found.target.resources == Resources(request_cores=0.5, request_bytes=2**29, limit_cores=1.0, limit_bytes=2e9)
    for name in ("gpu", "nvidia.com/gpu"):
        of_gpus = read(desk, type="kubernetes", instance_type=None, resources={"limits": {name: "2"}}).target
        assert of_gpus.resources == Resources(gpus={"nvidia.com/gpu": 2.0})
    assert "resources.limits.cpu: 'lots' is not a quantity" in refused(
        desk, type="kubernetes", resources={"limits": {"cpu": "lots"}}
    )


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"app_insights_enabled": True}, "app_insights_enabled"),
        ({"data_collector": {"collections": {"model_inputs": {"enabled": "True"}}}}, "data_collector"),
        ({"egress_public_network_access": "disabled"}, "egress_public_network_access"),
        ({"private_network_connection": True}, "private_network_connection"),
        ({"model_mount_path": "/models"}, "model_mount_path"),
        ({"scale_settings": {"type": "target_utilization", "max_instances": 3}}, "scale_settings"),
        ({"liveness_probe": {"period": 5}}, "liveness_probe"),
        ({"readiness_probe": {"period": 5}}, "readiness_probe"),
        ({"tags": {"a": "b"}}, "tags"),
        ({"properties": {"a": "b"}}, "properties"),
        ({"environment": "azureml:sklearn:1"}, "environment"),
        ({"environment": {"build": {"path": "code"}}}, "environment.build.path"),
    ],
)
def test_what_is_not_honoured_is_named(desk: Path, change: dict[str, Any], key: str) -> None:
    notes = [note for note in read(desk, **change).notes if f": {key}: not honoured: " in note]
    assert len(notes) == 1


@pytest.mark.parametrize("change", [{"app_insights_enabled": False}, {"scale_settings": {"type": "default"}}])
def test_what_changes_nothing_is_not_named(desk: Path, change: dict[str, Any]) -> None:
    assert read(desk, **change).notes == read(desk).notes


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"conda_file": "conda.yml"}, "conda.yml would install numpy==1.26.*, joblib"),
        ({"conda_file": {"dependencies": ["numpy"]}}, "in a file of its own, plimsoll-install would install numpy"),
        ({"conda_file": {"dependencies": ["python=3.8"]}}, "would refuse it: python=3.8"),
        ({"conda_file": {"channels": []}}, "would install nothing"),
        ("file:env.yml", "conda.yml would install numpy==1.26.*, joblib"),
    ],
)
def test_what_plimsoll_install_would_do(desk: Path, environment: Any, said: str) -> None:
    (desk / "env.yml").write_text("name: env\nimage: some\nconda_file: conda.yml\n")
    (note,) = (note for note in read(desk, environment=environment).notes if "conda_file is not installed" in note)
    assert said in note


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "azureml:digits:1"}, "model: 'azureml:digits:1' is not on this machine (download it"),
        ({"model": {"path": "azureml://datastores/x"}}, "model.path: 'azureml://datastores/x' is not on this machine"),
        ({"model": {"name": "digits"}}, "model.path: missing, and the model 'digits' is not on this machine"),
        ({"model": {"path": "gone"}}, "model.path: 'gone': "),
        ({"model": {"name": "../x", "path": "model"}}, "model.name: '../x' is no name for a model"),
        ({"code_configuration": {"code": "azureml:c:1", "scoring_script": "score.py"}}, "code_configuration.code: "),
        ({"code_configuration": {"code": "code", "scoring_script": "gone.py"}}, "'gone.py' is not in "),
        ({"code_configuration": {"code": "code"}}, "code_configuration.scoring_script: missing (name the script with"),
        ({"code_configuration": None}, "code_configuration: missing, so that nothing says which script to serve"),
        ({"environment": {"image": "x", "conda_file": "gone.yml"}}, "environment.conda_file: 'gone.yml': "),
        ({"request_setings": {}}, "request_setings: unknown key (did you mean request_settings?)"),
        ({"request_settings": {"request_timeout_ms": "soon"}}, "'soon' is not a whole number"),
        ({"request_settings": {"max_concurrent_requests_per_instance": 0}}, "0 is below 1"),
        ({"instance_count": [1]}, "instance_count: a list or a mapping is not a whole number"),
        ({"name": 5}, "name: '5' is not text (put it into quotes)"),
        ({"environment_variables": {"A": {"b": 1}}}, "environment_variables.A: not text"),
        ({"environment_variables": {"A=B": "x"}}, "environment_variables.A=B: not a name and value"),
        ({"environment_variables": {"A": "\ud800"}}, "environment_variables.A: not a name and value"),
        ({"environment_variables": {"\ud800": "x"}}, "not a name and value"),
        ({"model": {"path": "a\0b"}}, "model.path: 'a\\x00b' cannot be looked up (embedded null byte)"),
        ({"model": {"path": "\ud800"}}, "model.path: '\\ud800' has half a character"),
        ({"model": {"path": "m" * 300}}, "m' cannot be looked up (File name too long)"),
        ({"code_configuration": {"code": "c\0", "scoring_script": "x"}}, "code_configuration.code: 'c\\x00' cannot be"),
        ({"code_configuration": {"code": "code", "scoring_script": "s" * 300}}, "s' cannot be looked up (File name"),
    ],
)
def test_what_cannot_be_used_is_named_with_a_remedy(desk: Path, changes: dict[str, Any], message: str) -> None:
    assert message in refused(desk, **changes)


def test_a_loop_of_links(desk: Path) -> None:
    (desk / "loop").symlink_to("loop")
    assert refused(desk, model={"path": "loop"}).startswith("model.path: 'loop'")


def test_a_folder_that_may_not_be_read(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "exists", denied)
    assert refused(desk) == "model.path: './model/' cannot be looked up (Permission denied)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a conda environment: it has no 'dependencies'"),
        ("name: x\n", "not a conda environment: it has no 'dependencies'"),
        ("a: [\n", "not valid YAML"),
        (f"a: {'[' * 5000}\n", "not valid YAML: maximum recursion depth exceeded"),
    ],
)
def test_a_conda_file_that_is_none_is_named_like_any_that_is_refused(desk: Path, text: str, reason: str) -> None:
    (desk / "conda.yml").write_text(text)
    (note,) = (note for note in read(desk).notes if ": environment.conda_file " in note)
    assert "conda.yml would refuse it: " in note
    assert reason in note


def test_what_takes_precedence_may_be_missing(desk: Path) -> None:
    found = read(desk, "model_dir", "entry_script", model="azureml:digits:1", code_configuration=None)
    assert found.model is None
    assert "entry_script" not in found.settings
    assert any(": model: not honoured: another model folder takes precedence" in note for note in found.notes)


AZURES: dict[str, Any] = json.loads(Path(__file__).with_name("azure_ai_ml.json").read_text())["cases"]
LEFT_TO_THE_SERVICE = {"variables of variables"}
"""What the package takes, and the service refuses later."""


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_taken_or_refused_as_by_azures_package_with_the_same_values(desk: Path, name: str) -> None:
    """What is in the cloud, or not there, is given by flags: without them we refuse it, as Azure's local run does."""
    change, theirs = CASES[name], AZURES[name]
    given = {"model_dir"} if isinstance(change.get("model"), str) or name == "a model by name alone" else set()
    given |= {"entry_script"} if name == "no code" else set()
    if theirs is None or name in LEFT_TO_THE_SERVICE:
        with pytest.raises(UsageError):
            read(desk, *given, **change)
        return
    found = read(desk, *given, **change)
    ours = {name: said.value for name, said in found.settings.items()}
    for key in ("name", "service_name", "scoring_timeout_ms"):
        assert ours.get(key) == theirs[key]
    assert ours.get("entry_script") == (str((desk / theirs["script"]).resolve()) if theirs["script"] else None)
    assert (found.model.value if found.model else None) == (desk / theirs["model"] if theirs["model"] else None)
    assert found.target.instances == theirs["instances"]
    assert found.target.instance_type == theirs["instance_type"]
    assert {key: said.value for key, said in found.variables.items()} == {
        key: str(value) for key, value in theirs["variables"].items()
    }
    at_once = found.requests_at_once.value if found.requests_at_once else None
    assert at_once == (2 * theirs["at_once"] if theirs["at_once"] else None)


def test_a_key_that_is_there_twice_counts_last(desk: Path) -> None:
    file = desk / "deployment.yml"
    file.write_text(yaml.safe_dump(BASE, sort_keys=False) + "name: green\n")
    found = read_deployment(file, frozenset())
    assert values(found)["name"] == "green"
    assert f"{file}: name is there 2 times: the last one counts" in found.notes


def test_anchors_and_merged_keys(desk: Path) -> None:
    file = desk / "deployment.yml"
    probe = "liveness_probe: &probe\n  period: 5\n  timeout: 2\nreadiness_probe:\n  <<: *probe\n  period: 9\n"
    file.write_text(yaml.safe_dump(BASE, sort_keys=False) + probe)
    assert not [note for note in read_deployment(file, frozenset()).notes if "times" in note]


def test_merged_keys_of_what_is_merged_itself_are_there_once(desk: Path) -> None:
    file = desk / "deployment.yml"
    probes = (
        "tags: {a: &first {period: 5}}\n"
        "readiness_probe: &second\n  <<: *first\n  period: 9\n"
        "data_collector: {collections: {x: &x {<<: &y {enabled: 'true'}, enabled: 'false'}, z: *x}}\n"
        "liveness_probe:\n  <<: *second\n  timeout: 2\n  timeout: 3\n"
    )
    file.write_text(yaml.safe_dump(BASE, sort_keys=False) + probes)
    notes = [note for note in read_deployment(file, frozenset()).notes if "times" in note]
    assert notes == [f"{file}: liveness_probe.timeout is there 2 times: the last one counts"]


PROBE = {"initial_delay": 5, "period": 5, "timeout": 10, "success_threshold": 1, "failure_threshold": 1}
ROUTE = {"port": 5001, "path": "/"}
PUBLISHED: dict[str, dict[str, Any]] = {
    "kubernetes/kubernetes-blue-deployment.yml": {
        "$schema": None,
        "type": "kubernetes",
        "instance_type": None,
        "request_settings": {
            "request_timeout_ms": 3000,
            "max_concurrent_requests_per_instance": 1,
            "max_queue_wait_ms": 3000,
        },
        "resources": {"requests": {"cpu": "0.1", "memory": "0.1Gi"}, "limits": {"cpu": "0.2", "memory": "200Mi"}},
        "liveness_probe": PROBE,
        "readiness_probe": PROBE,
        "tags": {"tag1": "value"},
        "scale_settings": {"type": "default"},
    },
    "kubernetes/kubernetes-green-deployment.yml": {
        "type": "kubernetes",
        "app_insights_enabled": True,
        "instance_type": "defaultinstancetype",
        "resources": {"requests": {"cpu": "0.1", "memory": "0.1Gi"}},
        "scale_settings": {
            "type": "target_utilization",
            "min_instances": 1,
            "max_instances": 3,
            "polling_interval": 10,
            "target_utilization_percentage": 70,
        },
    },
    "managed/app-insights/deployment.yml": {
        "app_insights_enabled": True,
        "environment_variables": {"AML_APP_INSIGHTS_KEY": "<KEY>", "AML_MODEL_DC_STORAGE_ENABLED": False},
    },
    "managed/vnet/sample/blue-deployment-vnet.yml": {
        "private_network_connection": True,
        "model": {"path": "model/w.bin"},
        "environment": {
            "image": "example.azurecr.io/repo/img:v1",
            "inference_config": {"liveness_route": ROUTE, "readiness_route": ROUTE, "scoring_route": ROUTE},
        },
    },
    "managed/sample/blue-deployment-vnet.yml": {"egress_public_network_access": "disabled"},
    "managed/keyvault/keyvault-deployment.yml": {"model": {"path": "."}, "endpoint_name": "<ENDPOINT_NAME>"},
    "custom-container/minimal/multimodel/minimal-multimodel-deployment.yml": {
        "model": {"name": "minimal-multimodel", "path": "model"},
        "environment": {"name": "minimal-multimodel", "image": "example.azurecr.io/examples/minimal:1"},
    },
    "custom-container/triton/single-model/triton-cc-deployment.yml": {"model_mount_path": "/models"},
    "managed/profiler/deployment.yml": {
        "request_settings": {"request_timeout_ms": 3000, "max_concurrent_requests_per_instance": 1024}
    },
    "managed, with data collection": {
        "data_collector": {"collections": {"model_inputs": {"enabled": "True"}, "model_outputs": {"enabled": "True"}}}
    },
}
"""The keys that files of Azure/azureml-examples, cli/endpoints/online, have beside those of BASE."""
HONOURED = {"name", "endpoint_name", "type", "model", "code_configuration", "environment_variables", "request_settings"}
WITHOUT_EFFECT = {"$schema"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_key_of_a_published_example_is_honoured_or_named(desk: Path, name: str) -> None:
    change = PUBLISHED[name]
    found = read(desk, **change)
    said = {note.partition("deployment.yml: ")[2].split()[0].rstrip(":").partition(".")[0] for note in found.notes}
    default_scale = {"scale_settings"} if change.get("scale_settings") == {"type": "default"} else set()
    assert set(with_change(change)) - HONOURED - WITHOUT_EFFECT - default_scale == said - HONOURED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"endpoint_name": None}, "endpoint_name is missing"),
        ({"model": "azureml:azureml-infschema:1"}, "with --model-dir"),
        ({"model": {"local_path": "model"}}, "model.local_path: unknown key"),
        ({"code_configuration": {"code": {"local_path": "code"}, "scoring_script": "score.py"}}, "is not text"),
        ({"environment": {"conda_file": "file:conda.yml"}}, "conda_file: 'file:conda.yml'"),
    ],
)
def test_a_published_example_that_azures_command_would_refuse_too(
    desk: Path, change: dict[str, Any], message: str
) -> None:
    """Names come by its flags, registered models from its workspace, and some files are of the preview."""
    assert message in refused(desk, **change)


def test_a_data_collector_is_honoured_where_a_folder_is_given(desk: Path) -> None:
    collector = {
        "collections": {"request": {"enabled": "True"}, "model_inputs": {"enabled": "true"}, "x": {"enabled": "False"}},
        "sampling_rate": 0.5,
        "rolling_rate": "day",
        "request_logging": {"capture_headers": ["a"]},
    }
    found = read(desk, "collect", data_collector=collector)
    assert values(found)["collections"] == "request,model_inputs"
    assert values(found)["collect_sampling_rate"] == 0.5
    assert re.fullmatch(r"[^/]+/[^/]+", values(found)["collect_as"])
    named = {note.partition(": not honoured: ")[0].rpartition(": ")[2] for note in found.notes}
    assert {"data_collector.rolling_rate", "data_collector.request_logging"} <= named
    assert "data_collector" not in named


def test_nothing_is_collected_without_a_folder(desk: Path) -> None:
    found = read(desk, data_collector={"collections": {"request": {"enabled": "True"}}})
    assert not {"collections", "collect_as", "collect_sampling_rate"} & set(values(found))
    assert any("--collect FOLDER" in note for note in found.notes)
