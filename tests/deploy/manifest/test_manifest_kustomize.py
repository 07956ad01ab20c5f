"""`--format kustomize`: laid over a Deployment by kubectl itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll.deploy.manifest.document import write
from plimsoll.deploy.manifest.platforms.files import File
from support.manifests import GPU, SMALL
from support.platforms.made import Made, made_as

BASE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: digits, labels: {app: digits}}
spec:
  replicas: 7
  selector: {matchLabels: {app: digits}}
  template:
    metadata: {labels: {app: digits}}
    spec:
      containers:
        - name: sidecar
          image: proxy:1
        - name: server
          image: model:0
          ports: [{name: web, containerPort: 5001}]
          env: [{name: OWN, value: kept}, {name: PLIMSOLL_WORKERS, value: "9"}]
          resources: {requests: {cpu: "8", memory: 9Gi}, limits: {memory: 9Gi}}
          volumeMounts: [{name: data, mountPath: /data}]
          livenessProbe: {exec: {command: ["true"]}, initialDelaySeconds: 99}
          lifecycle: {preStop: {httpGet: {path: /bye, port: 1}}, postStart: {exec: {command: ["true"]}}}
      volumes: [{name: data, emptyDir: {}}]
"""


def _lay(made: Made, folder: Path) -> None:
    folder.mkdir()
    for document in made.documents:
        assert isinstance(document, File)
        (folder / document.path).write_text(write([document]))


def _built(folder: Path) -> dict[str, Any]:
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (found,) = yaml.safe_load_all(done.stdout)
    return dict(found)


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """`server` and `sidecar`."""
    return sorted(spec["template"]["spec"]["containers"], key=lambda container: container["name"])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "deployment.yaml").write_text(BASE)
    (folder / "kustomization.yaml").write_text("resources: [deployment.yaml]\n")
    return folder


def test_an_overlay_changes_sizes_and_leaves_the_rest(tmp_path: Path, base: Path) -> None:
    made = made_as(tmp_path, "kustomize", SMALL, base="../base", target_rps=300.0)
    _lay(made, tmp_path / "sized")
    spec = _built(tmp_path / "sized")["spec"]
    server, sidecar = _containers(spec)
    assert spec["replicas"] == made.values.replicas.count.value == 5
    assert sidecar == {"name": "sidecar", "image": "proxy:1"}
    assert server["resources"]["requests"]["cpu"] == "1250m"
    assert server["resources"]["limits"] == {"cpu": "2", "memory": "192Mi"}
    variables = {one["name"]: one["value"] for one in server["env"]}
    assert (variables["OWN"], variables["PLIMSOLL_WORKERS"]) == ("kept", "1")
    assert server["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    assert server["ports"] == [{"name": "web", "containerPort": 5001}]
    assert server["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": 5001}
    assert server["livenessProbe"].keys() == {"httpGet", "periodSeconds", "timeoutSeconds", "failureThreshold"}
    assert server["lifecycle"]["preStop"] == {"exec": {"command": ["sleep", "5"]}}
    assert server["lifecycle"]["postStart"] == {"exec": {"command": ["true"]}}
    assert spec["template"]["metadata"]["annotations"]["plimsoll.grade"] == "estimated"


def test_a_component_is_taken_in_by_an_overlay_of_ones_own(tmp_path: Path, base: Path) -> None:
    _lay(made_as(tmp_path, "kustomize", GPU, image="model:2"), tmp_path / "sized")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text("resources: [../base]\ncomponents: [../sized]\n")
    spec = _built(mine)["spec"]
    server, _ = _containers(spec)
    assert spec["replicas"] == 7
    assert server["image"] == "model:2"
    assert server["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert spec["template"]["spec"]["tolerations"][0]["key"] == "nvidia.com/gpu"


def test_the_container_can_have_another_name(tmp_path: Path, base: Path) -> None:
    _lay(made_as(tmp_path, "kustomize", SMALL, base="../base", container="sidecar"), tmp_path / "sized")
    server, sidecar = _containers(_built(tmp_path / "sized")["spec"])
    assert sidecar["resources"]["limits"]["memory"] == "192Mi"
    assert server["image"] == "model:0"
