"""`--format azureml` and `--format sagemaker`: the platforms' own bounds, and the profile's figures inside them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll.deploy.manifest.options import Bounds
from plimsoll.errors import UsageError
from plimsoll.profiling.result.profile import Profile
from plimsoll.settings.serving import longest_stop_s
from support.manifests import BATCHES, GPU, IMAGE, SLOW, SMALL, profile_file, profiled
from support.platforms.arm import resolved
from support.platforms.made import ML, VM, Made, made_as

HUGE = profiled(
    cpu={"requestCores": 60.0, "limitCores": 64.0, "reason": "It needs many."},
    memory={"requestBytes": 300 * 10**9, "limitBytes": 300 * 10**9, "reason": "It is large."},
)


def _variant(made: Made) -> dict[str, Any]:
    found: dict[str, Any] = made.only["Resources"]["EndpointConfig"]["Properties"]["ProductionVariants"][0]
    return found


def test_azure_sends_as_many_at_once_as_the_slots_run_and_hold(tmp_path: Path) -> None:
    settings = made_as(tmp_path, "azureml", BATCHES, **VM).only["request_settings"]
    assert settings == {"request_timeout_ms": 5000, "max_concurrent_requests_per_instance": 2 * 4 * 2 * 16}


def test_azure_lets_in_what_came_together_at_the_proved_rate(tmp_path: Path) -> None:
    """Six were under way at once, and Azure refuses what goes beyond twice the setting."""
    settings = made_as(tmp_path, "azureml", SMALL, **VM).only["request_settings"]
    assert settings["max_concurrent_requests_per_instance"] == 3


def test_azure_waits_three_times_the_longest_call(tmp_path: Path) -> None:
    assert made_as(tmp_path, "azureml", SLOW, **VM).only["request_settings"]["request_timeout_ms"] == 63_000
    longer = made_as(tmp_path, "azureml", profiled(longest_s=100.0), **VM).only
    assert longer["request_settings"]["request_timeout_ms"] == 180_000


def test_azures_readiness_probe_lasts_for_the_whole_start(tmp_path: Path) -> None:
    made = made_as(tmp_path, "azureml", SLOW, **VM)
    probe = made.only["readiness_probe"]
    assert probe["period"] * probe["failure_threshold"] >= made.values.probes.startup.budget_s
    assert made.only["liveness_probe"]["failure_threshold"] == made.values.probes.liveness.failures.value


def test_azures_routes_are_those_of_the_server(tmp_path: Path) -> None:
    deployment = made_as(tmp_path, "azureml", SMALL, port=8080, **VM).only
    routes = deployment["environment"]["inference_config"]
    assert {name: (route["port"], route["path"]) for name, route in routes.items()} == {
        "liveness_route": (8080, "/health/live"),
        "readiness_route": (8080, "/health/ready"),
        "scoring_route": (8080, "/score"),
    }
    assert deployment["environment_variables"]["PLIMSOLL_PORT"] == "8080"


def test_a_model_of_the_workspace_is_where_azure_puts_it(tmp_path: Path) -> None:
    deployment = made_as(tmp_path, "azureml", SMALL, model="azureml:digits:3", **VM).only
    assert deployment["model"] == "azureml:digits:3"
    assert deployment["environment_variables"]["AZUREML_MODEL_DIR"] == "/var/azureml-app/azureml-models/digits/3"


def test_on_kubernetes_the_instance_type_has_the_measured_size(tmp_path: Path) -> None:
    deployment, instance_type = made_as(tmp_path, "azureml", GPU, compute="kubernetes", target_rps=600.0).contents
    assert instance_type["spec"]["resources"] == {
        "requests": {"cpu": "1250m", "memory": "192Mi"},
        "limits": {"cpu": "2", "memory": "192Mi", "nvidia.com/gpu": 1},
    }
    assert instance_type["spec"]["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    scale = deployment["scale_settings"]
    assert (scale["min_instances"], scale["max_instances"]) == (10, 20)
    # 0.67 were under way on average, of three.
    assert scale["target_utilization_percentage"] == 22


def test_azure_monitor_scales_at_the_cpu_that_was_measured(tmp_path: Path) -> None:
    """0.7 cores of the four that a Standard_F4s_v2 has; 0.9 · 17 · 2 / 3 = 10.2."""
    _, template = made_as(tmp_path, "azureml", SMALL, autoscale=Bounds(2, 9), **VM).contents
    numbers = {name: one.get("defaultValue") for name, one in template["parameters"].items()}
    assert (numbers["least"], numbers["most"]) == (2, 9)
    assert (numbers["addAbove"], numbers["removeBelow"]) == (17, 10)
    assert (numbers["added"], numbers["addedAfter"], numbers["removedAfter"]) == (2, "PT5M", "PT5M")
    reasons = {name: one["metadata"]["description"] for name, one in template["parameters"].items()}
    assert "0.7 cores are used at 63.6 requests/s" in reasons["addAbove"]
    (setting,) = resolved(template, template["resources"])
    assert "parameters('workspace'), 'digits', 'blue'" in setting["properties"]["targetResourceUri"]


@pytest.mark.parametrize(
    ("profile", "instance_type", "words"),
    [
        (SMALL, "Standard_F64s_v2", "uses 0.7 of 64 CPUs of the VM, 1 %: too little to scale on"),
        (GPU, "Standard_NC24ads_A100_v4", "hardly busy where the GPU does the work"),
    ],
)
def test_azure_monitor_does_not_scale_on_what_says_nothing(
    tmp_path: Path, profile: Profile, instance_type: str, words: str
) -> None:
    """Below a tenth an idle VM would be over the threshold, or never under the other one."""
    with pytest.raises(UsageError, match=words):
        made_as(tmp_path, "azureml", profile, autoscale=Bounds(2, 9), instance_type=instance_type)


def test_azure_monitor_waits_for_a_slow_start(tmp_path: Path) -> None:
    """104 s to start is within Azure's least; 320 s until a replica may be missed again are 6 minutes."""
    _, template = made_as(tmp_path, "azureml", SLOW, autoscale=Bounds(2, 9), **VM).contents
    assert template["parameters"]["removedAfter"]["defaultValue"] == "PT6M"
    glacial = profiled({"secondsToReady": 700.0, "cpuSeconds": 1.0})
    _, template = made_as(tmp_path, "azureml", glacial, autoscale=Bounds(2, 9), **VM).contents
    assert template["parameters"]["addedAfter"]["defaultValue"] == "PT12M"


def test_the_files_for_azure_are_what_each_tool_reads(tmp_path: Path) -> None:
    """JSON has no comments; az takes the template as it is."""
    flags = ["--format", "azureml", "--instance-type", "Standard_F4s_v2", "--autoscale", "2:9", "--image", IMAGE]
    command = [sys.executable, "-m", "plimsoll", "manifest", "--profile", str(profile_file(tmp_path, SMALL)), *flags]
    subprocess.run([*command, "-o", str(tmp_path / "azure")], check=True, timeout=60)
    written = json.loads((tmp_path / "azure" / "autoscale.json").read_text())
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert [*yaml.safe_load_all(printed)][1] == written
    assert "# File autoscale.json." in printed


def test_sagemaker_scales_on_the_proved_rate(tmp_path: Path) -> None:
    resources = made_as(tmp_path, "sagemaker", SMALL, target_rps=500.0, **ML).only["Resources"]
    tracking = resources["Scaling"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 60 * 63.6
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }
    target = resources["Scalable"]["Properties"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (8, 16)
    assert target["ResourceId"] == "endpoint/digits/variant/AllTraffic"


def test_sagemaker_without_scaling(tmp_path: Path) -> None:
    made = made_as(tmp_path, "sagemaker", SMALL, replicas=3, **ML)
    assert {*made.only["Resources"]} == {"Model", "EndpointConfig", "Endpoint"}
    assert _variant(made)["InitialInstanceCount"] == 3


def test_the_end_fits_before_sagemaker_kills(tmp_path: Path) -> None:
    made = made_as(tmp_path, "sagemaker", SLOW, **ML)
    variables = made.only["Resources"]["Model"]["Properties"]["PrimaryContainer"]["Environment"]
    times = (float(variables["PLIMSOLL_DRAIN_SECONDS"]), float(variables["PLIMSOLL_GRACE_SECONDS"]))
    assert longest_stop_s(*times) < 30
    assert variables["PLIMSOLL_PORT"] == "8080"


def test_sagemaker_waits_for_the_start_within_its_own_bounds(tmp_path: Path) -> None:
    name = "ContainerStartupHealthCheckTimeoutInSeconds"
    slow = made_as(tmp_path, "sagemaker", SLOW, **ML)
    assert _variant(slow)[name] == slow.values.probes.startup.budget_s
    assert _variant(made_as(tmp_path, "sagemaker", SMALL, **ML))[name] == 60
    glacial = profiled({"secondsToReady": 2000.0, "cpuSeconds": 1.0})
    assert _variant(made_as(tmp_path, "sagemaker", glacial, **ML))[name] == 3600


@pytest.mark.parametrize(
    ("format_name", "instance_type", "profile", "lacking"),
    [
        ("azureml", "Standard_F4s_v2", GPU, "it lacks 1 GPU"),
        ("sagemaker", "ml.c6i.xlarge", GPU, "it lacks 1 GPU"),
        ("azureml", "Standard_F4s_v2", HUGE, "it lacks 60 cores and 272 GiB of memory"),
        ("sagemaker", "ml.c6i.xlarge", HUGE, "it lacks 60 cores and 272 GiB of memory"),
    ],
)
def test_a_vm_without_room_for_a_replica(
    tmp_path: Path, format_name: str, instance_type: str, profile: Profile, lacking: str
) -> None:
    """As far as the tables of `plimsoll fit` know it: a deployment on it would never be ready."""
    with pytest.raises(UsageError, match=f"--instance-type {instance_type}: too small for a replica: {lacking}"):
        made_as(tmp_path, format_name, profile, instance_type=instance_type)
    made_as(tmp_path, format_name, profile, instance_type="Standard_X1" if format_name == "azureml" else "ml.x9.large")
