"""`plimsoll manifest` as a user types it."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from plimsoll.deploy.manifest.command import command
from plimsoll.deploy.manifest.flags import SECTIONS
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.needs import read_needs
from plimsoll.errors import InternalError, UsageError
from support.finished import failed_profile
from support.manifests import IMAGE, SMALL, profile_file


def manifest(*flags: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plimsoll", "manifest", *flags]
    environment = os.environ | {"PYTHONHASHSEED": seed}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return profile_file(tmp_path, SMALL)


def test_the_same_bytes_each_time_and_in_a_file(profile: Path, tmp_path: Path) -> None:
    flags = (
        "--profile",
        str(profile),
        "--image",
        IMAGE,
        "--monitor",
        "--namespace",
        "prod",
        "--scale",
        "keda",
        "--env",
        "A=1",
        "--env",
        "B=2",
    )
    first, second = manifest(*flags, seed="1"), manifest(*flags, seed="2")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    assert manifest(*flags, "-o", str(tmp_path / "all.yaml")).stdout == ""
    assert (tmp_path / "all.yaml").read_text() == first.stdout
    kinds = [content["kind"] for content in yaml.safe_load_all(first.stdout)]
    expected = ["Deployment", "Service", "PodDisruptionBudget", "ScaledObject", "ServiceMonitor", "PrometheusRule"]
    expected.append("ConfigMap")
    assert kinds == expected


def test_a_job_needs_no_profile(tmp_path: Path) -> None:
    done = manifest("--job", "--image", IMAGE, "--data-claim", "rows", "--name", "digits")
    assert (done.returncode, done.stderr) == (0, "")
    (content,) = yaml.safe_load_all(done.stdout)
    assert (content["kind"], content["metadata"]["name"]) == ("Job", "digits-profile")
    (container,) = content["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--profile", "/data/requests.txt", "--output", "/data/profile", "--name", "digits"]


def test_the_script_of_a_job_ends_as_the_profiler_does(tmp_path: Path) -> None:
    """Run as the container would, with a stand-in for the profiler that writes the file and fails."""
    (content,) = yaml.safe_load_all(manifest("--job", "--image", IMAGE).stdout)
    (container,) = content["spec"]["template"]["spec"]["containers"]
    tini, dashes, *command = container["command"]
    assert (tini, dashes) == ("tini", "--")
    (tmp_path / "plimsoll").write_text(
        '#!/bin/sh\necho "$@"; mkdir -p out; echo \'{"a": 1}\' > out/profile.json; exit 4\n'
    )
    (tmp_path / "plimsoll").chmod(0o755)
    here = [part.replace("/tmp/profile", "out") for part in (*command, *container["args"])]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(here, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    said, file = done.stdout.splitlines()
    assert (done.returncode, json.loads(file)) == (4, {"a": 1})
    assert said == "--profile /var/azureml-app/requests.txt --output out --name model"


def test_what_prometheus_must_know_is_said(profile: Path) -> None:
    flags = ("--profile", str(profile), "--image", IMAGE, "--scale", "keda")
    said = manifest(*flags).stderr
    assert "--monitor adds a ServiceMonitor" in said
    assert "without --namespace" in said


@pytest.mark.parametrize(
    "image",
    [
        "model",
        "localhost:5000/team/model_a:1.2",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a.b/c__d--e@sha256:" + "0f" * 32,
        "ACCOUNT.dkr.ecr.REGION.amazonaws.com/digits:1",
        "r:5000/m:1@sha256:" + "0f" * 32,
    ],
)
def test_names_of_images(image: str) -> None:
    assert ManifestOptions(image=image).image == image


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--image", "a b"), "--image 'a b': not the name of an image"),
        (("--image", "a//b:"), "--image 'a//b:': not the name of an image"),
        (("--image", "registry/Model:1"), "--image 'registry/Model:1': not the name of an image"),
        (("--image", "m@sha256:abc"), "--image 'm@sha256:abc': not the name of an image"),
        (("--label", "app.kubernetes.io/name=a"), "--label app.kubernetes.io/name: the manifest sets it already"),
        (("--env", "WORKER_COUNT=3"), "--env WORKER_COUNT: the manifest sets PLIMSOLL_WORKERS, which is the same"),
        (("--label", "l" * 64 + "=a"), "too long a name for a label"),
        (("--node-selector", "d" * 254 + "/l=a"), "too long a name for a label"),
        (("--scale", "keda", "--prometheus", "prometheus:9090"), "--prometheus 'prometheus:9090': not an address"),
        (("--format", "kustomize", "--base", ""), "--base '': not a path that Kustomize takes"),
        (("--format", "kustomize", "--base", "/base"), "--base '/base': not a path that Kustomize takes"),
        (("--format", "azureml", "--instance-type", "a b"), "--instance-type 'a b': not a type"),
        (("--mig", "9g.10gb"), "--mig '9g.10gb': not a MIG profile"),
        (("--job", "--budget", "1e300"), "--budget '1e300': neither one of quick, default, thorough"),
        (("--label", "release=a b"), "--label 'release=a b': no value for a label"),
        (("--node-selector", "pool=a", "--node-selector", "pool=b"), "--node-selector pool: given twice"),
        (("--name", "Digits"), "--name 'Digits': no name for Kubernetes"),
        (("--name", "d" * 64), "at most 63 of a-z, 0-9 and -"),
        (("--namespace", "a.b"), "--namespace 'a.b': no name for Kubernetes"),
        (("--keys-secret", "a_b"), "--keys-secret 'a_b': no name for Kubernetes"),
        (("--autoscale", "4"), "--autoscale '4': not two numbers of replicas (give min:max, as in 2:10)"),
        (("--autoscale", "4:2"), "--autoscale '4:2': not two numbers of replicas"),
        (("--autoscale", "1:3000000000"), "not two numbers of replicas from 1 to 1e+09"),
        (("--autoscale", "1:" + "9" * 5000), "not two numbers of replicas"),
        (("--replicas", "3000000000"), "'--replicas': 3000000000 is not a whole number from 1 to 1e+09"),
        (("--target-rps", "1e12"), "--target-rps 1000000000000: 63.6 of each replica are 1.57233e+10 replicas"),
        (("--replicas", "0"), "--replicas"),
        (("--replicas", "2", "--autoscale", "1:4"), "--replicas and --autoscale exclude each other"),
        (("--replicas", "2", "--target-rps", "9"), "--replicas and --target-rps exclude each other"),
        (("--scale-on", "queue"), "--scale-on is for --scale keda"),
        (("--format", "yaml"), "--format"),
        (("--mig", "10gb"), "--mig '10gb': not a MIG profile"),
        (("--gpu", "1"), "--gpu: the profile was made without a GPU"),
        (("--env", "A"), "--env 'A': not NAME=VALUE"),
        (("--env", "1A=b"), "--env '1A=b': not NAME=VALUE (names have letters, digits and _"),
        (("--label", "=ml"), "--label '=ml': not NAME=VALUE (names have letters, digits, -, _ and ."),
        (("--bogus",), "(see plimsoll manifest --help)"),
        (("--dashboard", "--job"), "--dashboard has no meaning with --job"),
        (("--dashboard", "--format", "helm"), "--dashboard and --format helm exclude each other"),
        (("--dashboard", "--monitor"), "--monitor has no meaning with --dashboard"),
        (("--dashboard", "--keys-secret", "keys"), "--keys-secret has no meaning with --dashboard"),
        (("--tls-secret", "a_b"), "--tls-secret 'a_b': no name for Kubernetes"),
        (("--budget", "quick"), "--budget is for --job"),
        (("--job", "--budget", "soon"), "--budget 'soon': neither one of quick, default, thorough"),
        (("--job", "--monitor"), "--monitor has no meaning with --job"),
        (("--job", "--requests", "rows.txt"), "--requests 'rows.txt': not a path in the container"),
        (("--require", "verified"), "its grade is estimated, and --require asks for verified"),
        (("--port", "80"), "--port"),
        (("--output", "/nowhere/x.yaml"), "--output /nowhere/x.yaml: No such file or directory"),
    ],
)
def test_bad_input_gets_one_line(profile: Path, flags: tuple[str, ...], message: str) -> None:
    done = manifest("--profile", str(profile), "--image", IMAGE, *flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.startswith("plimsoll: error: ")
    assert done.stderr.count("\n") == 1


def test_help_lists_every_option_once_under_a_title() -> None:
    said = manifest("--help").stdout
    listed = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", said, re.MULTILINE)
    expected = [one.opts[0] if one.opts[0].startswith("--") else one.opts[1] for one in command.params]
    assert sorted(listed) == sorted([*expected, "--help"])
    assert {*SECTIONS} <= {*re.findall(r"^(\w.*):$", said, re.MULTILINE)}


def test_a_profile_that_is_none(tmp_path: Path) -> None:
    failed = profile_file(tmp_path, failed_profile())
    for flags, message in (
        ((), "--profile is missing"),
        (("--profile", str(tmp_path / "no.json")), "no.json: cannot be read (No such file or directory)"),
        (("--profile", str(failed)), "that profile failed: init() failed: no model"),
    ):
        done = manifest("--image", IMAGE, *flags)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr


def test_a_profile_of_another_version(profile: Path) -> None:
    content = json.loads(profile.read_text())
    for change, key in (({"surprise": 1}, "surprise"), ({"schemaVersion": "2"}, "schemaVersion: Input should be '1'")):
        profile.write_text(json.dumps(content | change))
        done = manifest("--image", IMAGE, "--profile", str(profile))
        assert done.returncode == 1
        assert f"{profile}: not a profile of this version: {key}" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_stream_that_contradicts_itself_is_not_printed(
    profile: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("plimsoll.deploy.manifest.command.problems", lambda *_: ["two of one name"])
    with pytest.raises(InternalError, match="two of one name"):
        command.main(["--profile", str(profile), "--image", IMAGE], standalone_mode=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("key", "figure", "message"),
    [
        ("recommendation.operatingPoint.requestsPerSecond", 0, "requestsPerSecond = 0.0: not a number above 0"),
        ("recommendation.operatingPoint.requestsPerSecond", -3, "requestsPerSecond = -3.0: not a number above 0"),
        ("recommendation.operatingPoint.requestsPerSecond", math.nan, "requestsPerSecond = nan: not a number above 0"),
        ("recommendation.cpu.requestCores", 0, "recommendation.cpu.requestCores = 0.0: not a number above 0"),
        ("recommendation.cpu.requestCores", 3, "recommendation.cpu: the request of 3 is above the limit of 2"),
        ("recommendation.memory.requestBytes", 0, "recommendation.memory.requestBytes = 0: not a number above 0"),
        ("recommendation.memory.limitBytes", 10**30, "recommendation.memory.limitBytes = 1"),
        ("recommendation.workers", 0, "recommendation.workers = 0: not a number above 0"),
        ("recommendation.maxBatchSize", 0, "recommendation.maxBatchSize = 0: not a number above 0"),
        ("measurements.operatingLevel.coresUsed.mean", -1, "coresUsed.mean = -1.0: not a number of 0 or more"),
        ("measurements.startup.secondsToReady", -4, "secondsToReady = -4.0: not a number of 0 or more"),
    ],
)
def test_figures_that_no_profiler_measures(profile: Path, key: str, figure: float, message: str) -> None:
    """In a file that somebody has changed by hand: nothing is computed from them, neither here nor by fit and plan."""
    content = json.loads(profile.read_text())
    *parents, last = key.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    place[last] = figure
    profile.write_text(json.dumps(content))
    with pytest.raises(UsageError) as raised:
        read_needs(profile)
    assert message in raised.value.message
    assert raised.value.message.startswith(f"--profile {profile}: ")


def test_yaml_is_utf8_whatever_the_locale(tmp_path: Path) -> None:
    """Every reader of YAML takes it for that; an encoding that lacks a sign was a traceback."""
    named = profile_file(tmp_path, SMALL.model_copy(update={"name": "Größe ☃"}))
    command = [sys.executable, "-m", "plimsoll", "manifest", "--profile", str(named), "--image", IMAGE]
    done = subprocess.run(
        command, capture_output=True, timeout=60, env=os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    )
    assert done.returncode == 0
    assert "plimsoll.profile: Größe ☃\n" in done.stdout.decode()


def test_a_full_disk_behind_standard_output(profile: Path) -> None:
    command = [sys.executable, "-m", "plimsoll", "manifest", "--profile", str(profile), "--image", IMAGE]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == ("plimsoll: error: standard output: No space left on device (give it room, or --output)\n")
