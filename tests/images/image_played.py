"""A deployment that Podman plays: its image, its manifest, and its probes, which are asked from here."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from image_engine import Engine

from support.server import Client, free_port, wait_for

Play = Callable[[dict[str, Any]], str]

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@dataclass
class Played(Client):
    """A container of a pod, with what Podman does not do of its manifest: probes, preStop, its own time to end."""

    engine: Engine
    name: str
    port: int
    probes: dict[str, dict[str, Any]]
    pre_stop: list[str]
    grace_s: int

    def inspect(self, what: str) -> Any:
        return json.loads(self.engine.call("inspect", "--format", f"{{{{json {what}}}}}", self.name).stdout)

    def passes(self, kind: str) -> bool:
        """As the kubelet asks: any status from 200 to 399, in time."""
        probe = self.probes[kind]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=probe["timeoutSeconds"])
        try:
            connection.request("GET", probe["httpGet"]["path"])
            return 200 <= connection.getresponse().status < 400
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after the pod's time to end."""
        seconds = str(self.grace_s)
        self.engine.call("stop", "--time", seconds, self.name, timeout_s=2 * self.grace_s)

    def wait_started(self) -> None:
        """No longer than the startup probe would."""
        probe = self.probes["startupProbe"]
        patience_s = probe["periodSeconds"] * probe["failureThreshold"]
        wait_for(lambda: self.passes("startupProbe"), "the startup probe", patience_s)


def play_deployment(engine: Engine, play: Play, content: dict[str, Any]) -> Played:
    """Podman is no kubelet: what it does with probes would depend on the image, so it gets none."""
    container = content["spec"]["template"]["spec"]["containers"][0]
    probes = {kind: container.pop(kind) for kind in PROBES}
    port = free_port()
    container["ports"][0] |= {"hostPort": port, "hostIP": "127.0.0.1"}
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    grace_s = content["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    return Played(engine, play(content), port, probes, command, grace_s)


def image_on_top(engine: Engine, base: str, folder: Path, tag: str, requests: str) -> str:
    """As users build theirs: the script in `folder`, and requests to profile with beside it."""
    if engine.command != "podman":
        pytest.skip("Docker plays no manifests of Kubernetes")
    (folder / "requests.txt").write_text(requests)
    (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY score.py requests.txt /var/azureml-app/\n")
    for name in ("score.py", "requests.txt"):
        (folder / name).chmod(0o644)
    built = engine.build(folder / "Dockerfile", tag, context=folder)
    assert built.returncode == 0, built.stderr
    return tag
