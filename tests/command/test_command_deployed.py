"""`--deployment` as a user types it: a real server, and a real profile, from a file and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll.command.deployed import with_deployment
from plimsoll.settings.model_tag import ModelTag, write_tag
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.serving import ServeSettings
from support.server import PATIENCE_S, Client, free_port, wait_for

SCORE = """
import json, os, helper
def init():
    global files
    files = sorted(os.listdir(os.environ["AZUREML_MODEL_DIR"] + "/model"))
def run(data): return [files, os.environ.get("GREETING"), json.loads(data)["x"]]
"""
LEAVES = "def init(): raise LookupError('far enough')\ndef run(data): pass\n"
MANAGED: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
    "name": "blue",
    "endpoint_name": "digits",
    "model": {"path": "../model/"},
    "code_configuration": {"code": "../src", "scoring_script": "score.py"},
    "environment": {"image": "mcr.microsoft.com/azureml/some:latest", "conda_file": "conda.yml"},
    "environment_variables": {"GREETING": "hello", "WORKER_COUNT": 2},
    "request_settings": {"request_timeout_ms": 3000, "max_concurrent_requests_per_instance": 3},
    "liveness_probe": {"initial_delay": 10},
    "instance_type": "Standard_DS3_v2",
    "instance_count": 1,
}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Code, a model and a conda environment beside the folder of the deployment; the current folder is another one."""
    for name in ("deploy", "src", "model", "here"):
        (tmp_path / name).mkdir()
    (tmp_path / "src" / "score.py").write_text(SCORE)
    (tmp_path / "src" / "helper.py").touch()
    (tmp_path / "model" / "weights.bin").touch()
    (tmp_path / "deploy" / "conda.yml").write_text("dependencies: [python>=3.11, {pip: [joblib, azureml-defaults]}]\n")
    return tmp_path


def written(desk: Path, **changes: Any) -> Path:
    """The deployment with other values; None leaves a key out."""
    values = {key: value for key, value in (MANAGED | changes).items() if value is not None}
    file = desk / "deploy" / "deployment.yml"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def plimsoll(desk: Path, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plimsoll", "--port", str(free_port()), *flags]
    environment = os.environ | variables
    return subprocess.run(
        command, cwd=desk / "here", env=environment, capture_output=True, text=True, timeout=4 * PATIENCE_S
    )


def settings_of(desk: Path, *flags: str, **variables: str) -> dict[str, Any]:
    """What a server runs with that came as far as the script's init()."""
    (desk / "src" / "score.py").write_text(LEAVES)
    done = plimsoll(desk, "--deployment", "../deploy/deployment.yml", "--log-level", "debug", *flags, **variables)
    assert "LookupError: far enough" in done.stderr, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "settings: {" in line)
    found: dict[str, Any] = json.loads(line.partition("settings: ")[2])
    return found


def test_a_deployment_file_is_served_without_a_workspace(desk: Path) -> None:
    client, port = Client(), free_port()
    client.port = port
    file = written(desk)
    command = [sys.executable, "-m", "plimsoll", "--deployment", str(file), "--port", str(port)]
    with subprocess.Popen(command, cwd=desk / "here", stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(client.is_ready, "readiness")
            assert client.post("/score", b'{"x": 1}').json() == [["weights.bin"], "hello", 1]
            assert client.get("/swagger.json").json()["info"]["title"] == "digits"
            wait_for(lambda: client.metric("plimsoll_slots") == 2, "the second worker")
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=PATIENCE_S)
    said = [line.partition(f"{file}: ")[2] for line in errors.splitlines() if str(file) in line]
    assert [line.split()[0].rstrip(":") for line in said] == [
        "environment.image", "environment.conda_file", "liveness_probe", "instance_type", "instance_count",
    ]  # fmt: skip
    assert "conda.yml would install joblib, inference-schema, and leave out 1" in said[1]


def test_values_of_the_file_come_after_all_others(desk: Path) -> None:
    written(desk)
    (desk / "here" / "settings.json").write_text(json.dumps({"scoring_timeout_ms": 7000}))
    found = settings_of(desk)
    assert (found["workers"], found["scoring_timeout_ms"], found["max_queue"]) == (2, 3000, 4)
    assert (found["entry_script"], found["app_root"]) == (str(desk / "src" / "score.py"), str(desk / "src"))
    flags = ("--max-queue", "9", "--config-file", "settings.json")
    others = settings_of(desk, *flags, PLIMSOLL_WORKERS="1", PLIMSOLL_SERVICE_NAME="mine")
    assert (others["workers"], others["scoring_timeout_ms"], others["max_queue"]) == (1, 7000, 9)
    assert others["service_name"] == "mine"


@pytest.mark.parametrize(("key_ms", "variable_ms", "least_ms"), [(1000, "60000", 1000), (60000, "1000", 1000)])
def test_of_two_timeouts_the_shorter_one_ends_a_call(key_ms: int, variable_ms: str, least_ms: int, desk: Path) -> None:
    variables = {"SCORING_TIMEOUT_MS": variable_ms}
    file = written(desk, request_settings={"request_timeout_ms": key_ms}, environment_variables=variables)
    serving, _, sources, found = with_deployment(str(file), ServeSettings(), ProfileSettings(), {})
    assert serving.scoring_timeout_ms == least_ms
    shorter = "request_settings.request_timeout_ms" if key_ms < 2000 else "environment_variables.SCORING_TIMEOUT_MS"
    assert sources["scoring_timeout_ms"] == f"{file}: {shorter}"
    assert not [note for note in found.notes if "SCORING" in note]


def test_a_variable_that_gives_what_a_key_gives_is_named(desk: Path) -> None:
    file = written(desk, environment_variables={"PLIMSOLL_SERVICE_NAME": "other", "PLIMSOLL_APP_ROOT": "/x"})
    taken = {"app_root": "flag --app-root"}
    serving, _, _, found = with_deployment(str(file), ServeSettings(), ProfileSettings(), taken)
    assert serving.service_name == "digits"
    assert [note for note in found.notes if "not used" in note] == [
        f"{file}: environment_variables.PLIMSOLL_SERVICE_NAME is not used: {file}: endpoint_name takes precedence"
    ]


def test_an_empty_variable_counts_as_not_set(desk: Path) -> None:
    variables = {"WORKER_COUNT": "3", "PLIMSOLL_WORKERS": "", "SCORING_TIMEOUT_MS": ""}
    file = written(desk, environment_variables=variables)
    serving, _, _, _ = with_deployment(str(file), ServeSettings(), ProfileSettings(), {})
    assert (serving.workers, serving.scoring_timeout_ms) == (3, 3000)


def test_what_images_set_gives_way(desk: Path) -> None:
    """Azure's variables for app root and model folder; the same variables of our own do not."""
    written(desk)
    image = {"AML_APP_ROOT": str(desk / "here"), "AZUREML_MODEL_DIR": str(desk / "here")}
    found = settings_of(desk, **image)
    assert found["app_root"] == str(desk / "src")
    assert found["model_dir"] == str(desk / "here" / "plimsoll-profile" / "azureml-models" / "model" / "1")
    assert settings_of(desk, PLIMSOLL_MODEL_DIR=str(desk / "model"))["model_dir"] == str(desk / "model")


def test_where_nothing_can_be_written_the_model_is_found_all_the_same(desk: Path) -> None:
    written(desk)
    (desk / "here" / "plimsoll-profile").touch()  # no folder can be made by that name
    assert settings_of(desk)["model_dir"] == str(desk)


def test_a_config_json_that_speaks_of_another_deployment_is_left_alone(desk: Path) -> None:
    (desk / "here" / "config.json").write_text(json.dumps({"deployment": "gpt-4o"}))
    (desk / "here" / "score.py").write_text(LEAVES)
    assert "LookupError: far enough" in plimsoll(desk).stderr


def test_a_config_file_that_is_found_may_replace_what_is_in_the_cloud(desk: Path) -> None:
    written(desk, model="azureml:digits:3")
    (desk / "here" / "config.json").write_text(json.dumps({"model_dir": "../model"}))
    assert settings_of(desk)["model_dir"] == str(desk / "model")


def test_the_queue_is_what_the_slots_of_the_tag_leave_over(desk: Path) -> None:
    written(desk, environment_variables=None, request_settings={"max_concurrent_requests_per_instance": 10})
    sizes = {"requested_cpu": 1.0, "cpu_limit": 1.0, "requested_memory_in_gb": 0.1, "requested_memory_bytes": 10**8}
    slots = {"workers": 4, "threads": 2}
    write_tag(ModelTag(profile_name="x", profiled_time="", grade="estimated", **sizes, **slots), desk / "model")
    found = settings_of(desk)
    assert (found["workers"], found["threads"], found["max_queue"]) == (4, 2, 12)


def test_a_model_folder_or_a_script_takes_the_place_of_one_in_the_cloud(desk: Path) -> None:
    written(desk, model="azureml:digits:3", code_configuration=None)
    found = settings_of(desk, "--model-dir", "../model", "--entry-script", "../src/score.py")
    assert found["model_dir"] == str(desk / "model")
    done = plimsoll(desk, "--deployment", "../deploy/deployment.yml")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "plimsoll: error: deployment file ../deploy/deployment.yml, line 4: model: 'azureml:digits:3' is not on this"
        " machine (download it and name its folder with --model-dir)"
    ]


def test_a_file_that_is_none_ends_with_one_line_and_exit_code_1(desk: Path) -> None:
    (desk / "deploy" / "deployment.yml").touch()
    done = plimsoll(desk, PLIMSOLL_DEPLOYMENT="../deploy/deployment.yml")
    assert done.returncode == 1
    assert done.stderr == (
        "plimsoll: error: deployment file ../deploy/deployment.yml: empty (name a file with a deployment)\n"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"environment_variables": {"WORKER_COUNT": "many"}},
            "environment_variables.WORKER_COUNT = 'many': input should be a valid integer,"
            " unable to parse string as an integer",
        ),
        (
            {"request_settings": {"request_timeout_ms": 0}},
            "request_settings.request_timeout_ms = 0: input should be greater than or equal to 1",
        ),
    ],
)
def test_a_value_that_its_setting_does_not_allow(desk: Path, change: dict[str, Any], message: str) -> None:
    file = written(desk, **change)
    done = plimsoll(desk, "--deployment", str(file))
    assert (done.returncode, done.stderr) == (1, f"plimsoll: error: {file}: {message}\n")


def test_a_profile_says_whether_the_type_of_the_file_holds_it(desk: Path) -> None:
    written(desk, environment_variables={"WORKER_COUNT": "1", "GREETING": "hello"}, instance_type="Standard_F4s_v2")
    (desk / "here" / "rows.txt").write_text("\n".join(f'{{"x": {number}}}' for number in range(12)))
    flags = ("--profile", "rows.txt", "--budget", "15", "--skip-verification", "--grace-seconds", "3")
    done = plimsoll(desk, "--deployment", "../deploy/deployment.yml", *flags, "--target-rps", "1", "--threads", "1")
    assert done.returncode == 0, done.stderr
    *_, place, count = done.stdout.splitlines()
    assert place.startswith("deploy: Standard_F4s_v2 (4 cores, 8 GiB) holds the limits of one replica, ")
    assert count.startswith("deploy: instance_count 1 is enough for 1 requests/s, of which one carries ")
    assert "max_concurrent_requests_per_instance is left out while profiling" in done.stderr
    profile = json.loads((desk / "here" / "plimsoll-profile" / "profile.json").read_text())
    assert (profile["name"], profile["settings"]["maxQueue"]) == ("blue", 256)


SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: digits}
spec:
  predictor:
    timeout: 7
    containerConcurrency: 2
    model:
      modelFormat: {name: mine}
      storageUri: file://MODEL
      env: [{name: WORKER_COUNT, value: "2"}]
      resources: {limits: {cpu: 1}}
"""


def test_an_inference_service_is_served(desk: Path) -> None:
    (desk / "deploy" / "deployment.yml").write_text(SERVICE.replace("MODEL", str(desk / "model")))
    found = settings_of(desk, "--entry-script", "../src/score.py")
    assert found["model_dir"] == str(desk / "model")
    assert (found["workers"], found["scoring_timeout_ms"], found["max_queue"]) == (2, 7000, 20)
    assert (found["service_name"], found["model_name"]) == ("digits", "digits")
