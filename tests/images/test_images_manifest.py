"""What `plimsoll manifest` writes, played by Podman (podman-kube-play(1)).

Podman is no kubelet: it runs no startup and readiness probes, and HTTP probes only where the image has curl. So they
are taken out of what is played, and asked from here as the kubelet would. It knows no Jobs either: their pods are.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from image_engine import Engine
from image_played import Play, Played, image_on_top, play_deployment

from plimsoll.deploy.manifest.document import write
from plimsoll.deploy.manifest.kubernetes.job import job
from plimsoll.deploy.manifest.options import ManifestOptions
from support.load import Load
from support.manifests import SMALL, made
from support.server import PATIENCE_S, wait_for

pytestmark = pytest.mark.images

IMAGE = "localhost/plimsoll-manifest:test"
SCRIPT = """
    import json, time
    def init(): time.sleep(0.5)
    def run(data):
        sent = json.loads(data)
        time.sleep(0.02 if isinstance(sent, dict) else sent)
        return sent
"""
CLIENTS = 8


@pytest.fixture
def image(engine: Engine, slim: str, app: Callable[[str], Path]) -> str:
    return image_on_top(engine, slim, app(SCRIPT), IMAGE, "0.002\n0.003\n0.004\n" * 4)


@pytest.fixture
def played(engine: Engine, image: str, play: Play, tmp_path: Path) -> Played:
    return play_deployment(engine, play, made(tmp_path, SMALL, image=image, replicas=1).one("Deployment"))


def test_the_played_deployment_passes_its_probes_inside_its_limits(played: Played) -> None:
    played.wait_started()
    assert played.passes("readinessProbe")
    assert played.passes("livenessProbe")
    busy = threading.Thread(target=played.post, args=("/score", b"2"))
    busy.start()
    while busy.is_alive():
        assert played.passes("livenessProbe")
        time.sleep(0.1)
    host = played.inspect(".HostConfig")
    assert host["Memory"] == 192 << 20
    assert host["NanoCpus"] == 2e9 or host["CpuQuota"] / host["CpuPeriod"] == 2
    assert played.engine.call("exec", played.name, "id", "-u").stdout.strip() == "10001"
    assert played.engine.call("exec", played.name, "touch", "/var/azureml-app/x").returncode != 0
    assert played.engine.call("exec", played.name, "touch", "/tmp/x").returncode == 0


def test_the_end_of_a_played_replica_loses_no_request(played: Played) -> None:
    """As the kubelet ends a pod. `podman stop`, unlike `kill`, takes a restart by the pod's policy back."""
    played.wait_started()
    with Load(played.port, CLIENTS) as load:
        load.wait_sent(100)
        assert played.engine.call("exec", played.name, *played.pre_stop).returncode == 0
        stopping = threading.Thread(target=played.stop)
        stopping.start()
        wait_for(lambda: not played.passes("readinessProbe"), "the drain")
        load.wait_sent(100)
        load.stop()
    stopping.join(2 * played.grace_s)
    assert set(load.outcomes) == {"200"}
    assert load.wrong == []
    state = played.inspect(".State")
    assert (state["Running"], state["ExitCode"], played.inspect(".RestartCount")) == (False, 0, 0)


def test_the_job_profiles_and_leaves_the_profile_in_its_log(
    engine: Engine, image: str, play: Callable[[dict[str, Any]], str]
) -> None:
    content = yaml.safe_load(write([job(ManifestOptions(image=image, job=True, budget="8"), None)]))
    template = content["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "profiled"} | template["metadata"]}
    name = play(pod | {"spec": template["spec"]})
    assert int(engine.call("wait", name, timeout_s=4 * PATIENCE_S).stdout) == 0
    said = engine.call("logs", name).stdout
    profile = json.loads(said[said.index("\n{\n") :])
    assert (profile["state"], profile["name"]) == ("Succeeded", "model")
    assert profile["recommendation"]["cpu"]["requestCores"] > 0
