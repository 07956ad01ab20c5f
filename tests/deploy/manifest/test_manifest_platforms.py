"""The formats of other platforms: every variant is valid and the same each time; what makes no sense is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll.deploy.manifest.formats import FORMATS
from plimsoll.deploy.manifest.options import Bounds
from plimsoll.errors import UsageError
from support.manifests import BATCHES, GPU, IMAGE, SLICE, SMALL, profile_file, profiled
from support.platforms.made import CASES, ML, VARIANTS, VM, made_as, variant
from support.platforms.valid import check

LONG = profiled(longest_s=70.0)


def test_there_are_variants_of_every_format_and_many() -> None:
    assert {*VARIANTS} == {*FORMATS}
    assert len(CASES) >= 60


@pytest.mark.parametrize(("format_name", "name", "profile"), CASES, ids=["-".join(case) for case in CASES])
def test_every_variant_is_valid_and_the_same_each_time(
    tmp_path: Path, format_name: str, name: str, profile: str
) -> None:
    made = variant(tmp_path, format_name, name, profile)
    check(format_name, made)
    assert variant(tmp_path, format_name, name, profile).text == made.text


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_the_command_writes_the_same_bytes_each_time(tmp_path: Path, format_name: str) -> None:
    path = profile_file(tmp_path, BATCHES)
    flags = {"azureml": ["--instance-type", "Standard_F4s_v2"], "sagemaker": ["--instance-type", "ml.c6i.xlarge"]}
    command = [sys.executable, "-m", "plimsoll", "manifest", "--format", format_name, "--profile", str(path)]
    command += ["--image", IMAGE, *flags.get(format_name, [])]
    texts = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        texts.append(done.stdout)
    assert texts[0] == texts[1]
    assert [*yaml.safe_load_all(texts[0])]


MODEL = {"model": "s3://bucket/model.tar.gz"}
ON_KUBERNETES = {"compute": "kubernetes"}
REFUSED: list[tuple[str, Any, dict[str, Any], tuple[str, ...]]] = [
    # What a format has no use for.
    ("kustomize", SMALL, {"monitor": True}, ("--monitor", "--format kustomize")),
    ("kustomize", SMALL, {"autoscale": Bounds(1, 2)}, ("--autoscale", "--format kustomize", "--format helm")),
    ("helm", SMALL, {"namespace": "prod"}, ("--namespace", "--format helm")),
    ("helm", SMALL, {"scale": "hpa"}, ("--scale", "--format helm")),
    ("kserve", SMALL, {"base": "../base"}, ("--base", "--format kserve", "--format kustomize")),
    ("vpa", SMALL, {"replicas": 2}, ("--replicas", "--format vpa")),
    ("vpa", SMALL, {"environment": {"A": "1"}}, ("--env", "--format vpa")),
    ("azureml", SMALL, VM | {"keys_secret": "keys"}, ("--keys-secret", "--format azureml")),
    ("azureml", SMALL, VM | {"model_claim": "models"}, ("--model-claim", "--format azureml")),
    ("sagemaker", SMALL, ML | {"port": 9000}, ("--port", "--format sagemaker")),
    ("sagemaker", GPU, ML | {"gpu": 1}, ("--gpu", "--format sagemaker")),
    ("compose", SMALL, {"replicas": 2}, ("--replicas", "--format compose")),
    ("compose", SMALL, {"instance_type": "F4"}, ("--instance-type", "--format compose", "--format azureml")),
    ("kubernetes", SMALL, MODEL, ("--model", "--format kubernetes", "--format sagemaker")),
    # What excludes each other.
    ("kserve", SMALL, {"scale": "keda"}, ("--scale keda", "--format kserve")),
    ("kserve", SMALL, MODEL | {"model_claim": "models"}, ("--model", "--model-claim")),
    (
        "azureml",
        SMALL,
        {"instance_type": "Standard_X1", "autoscale": Bounds(1, 2)},
        ("--autoscale", "Standard_X1", "fit"),
    ),
    ("azureml", GPU, VM | {"gpu": 1}, ("--gpu", "--compute managed")),
    ("azureml", SMALL, VM | {"node_selector": {"a": "b"}}, ("--node-selector", "--compute managed")),
    ("azureml", SMALL, VM | ON_KUBERNETES, ("--instance-type", "--compute kubernetes")),
    ("azureml", SLICE, ON_KUBERNETES, ("nvidia.com/mig-1g.10gb", "--format azureml")),
    ("azureml", SLICE, VM, ("nvidia.com/mig-1g.10gb", "--format azureml")),
    ("sagemaker", SLICE, ML, ("nvidia.com/mig-1g.10gb", "--format sagemaker")),
    ("compose", SLICE, {}, ("nvidia.com/mig-1g.10gb", "--format compose")),
    # What is missing or cannot be.
    ("azureml", SMALL, {}, ("--instance-type", "--format azureml")),
    ("azureml", SMALL, VM | MODEL, ("--model", "azureml:NAME:VERSION")),
    ("kserve", SMALL, {"model": "azureml:digits:3"}, ("--model", "s3://")),
    ("azureml", SMALL, VM | {"name": "a" * 33}, ("--name", "3 to 32")),
    ("azureml", profiled(longest_s=190.0), VM, ("190 s", "180 s")),
    ("sagemaker", SMALL, {}, ("--instance-type", "--format sagemaker")),
    ("sagemaker", SMALL, VM, ("--instance-type", "ml.c6i.xlarge")),
    ("sagemaker", SMALL, ML | {"model": "azureml:digits:3"}, ("--model", "s3://")),
    ("sagemaker", LONG, ML, ("70 s", "60 s")),
    ("sagemaker", SMALL, ML | {"environment": {"PLIMSOLL_PORT": "1"}}, ("--env PLIMSOLL_PORT",)),
    ("compose", SMALL, {"environment": {"PLIMSOLL_THREADS": "9"}}, ("--env PLIMSOLL_THREADS",)),
]


@pytest.mark.parametrize(("format_name", "profile", "options", "names"), REFUSED)
def test_what_a_format_cannot_do_is_refused_by_name(
    tmp_path: Path, format_name: str, profile: Any, options: dict[str, Any], names: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as refused:
        made_as(tmp_path, format_name, profile, **options)
    assert [name for name in names if name not in str(refused.value)] == []


def test_a_time_that_managed_vms_do_not_wait_is_waited_for_on_kubernetes(tmp_path: Path) -> None:
    made = made_as(tmp_path, "azureml", profiled(longest_s=190.0), compute="kubernetes")
    assert made.contents[0]["request_settings"]["request_timeout_ms"] == 300_000


def test_files_of_several_tools_lie_in_a_folder(tmp_path: Path) -> None:
    path, folder = profile_file(tmp_path, SMALL), tmp_path / "sized"
    command = [sys.executable, "-m", "plimsoll", "manifest", "--format", "kustomize", "--profile", str(path)]
    command += ["--image", IMAGE]
    done = subprocess.run([*command, "-o", str(folder)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(file.name for file in folder.iterdir()) == ["kustomization.yaml", "patch.yaml"]
    assert yaml.safe_load((folder / "patch.yaml").read_text())["kind"] == "Deployment"
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    assert "# File kustomization.yaml." in shown
    assert "# File patch.yaml." in shown
    refused = subprocess.run([*command, "-o", str(path)], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert f"--output {path}: File exists (name a folder" in refused.stderr


def test_a_stream_for_one_tool_goes_into_one_file(tmp_path: Path) -> None:
    path, output = profile_file(tmp_path, SMALL), tmp_path / "kserve.yaml"
    command = [sys.executable, "-m", "plimsoll", "manifest", "--format", "kserve", "--profile", str(path)]
    subprocess.run([*command, "--image", IMAGE, "-o", str(output)], check=True, timeout=60)
    kinds = [content["kind"] for content in yaml.safe_load_all(output.read_text())]
    assert kinds == ["ServingRuntime", "InferenceService"]
