"""The checks see what no schema does: each mistake, made in a stream that is right, gets a sentence."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from plimsoll.deploy.manifest.checks.problems import problems
from plimsoll.deploy.manifest.checks.quantities import amount
from support.manifests import PROFILES, SLOW, SMALL, made

Content = dict[str, Any]
Mistake = Callable[[dict[str, Content]], object]


def pod(found: dict[str, Content]) -> Content:
    spec: Content = found["Deployment"]["spec"]["template"]["spec"]
    return spec


def box(found: dict[str, Content]) -> Content:
    container: Content = pod(found)["containers"][0]
    return container


def labels(found: dict[str, Content]) -> Content:
    own: Content = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    return own


MISTAKES: dict[str, Mistake] = {
    "selector does not match its own pods": lambda found: labels(found).update({"app.kubernetes.io/name": "x"}),
    "Service digits: its selector matches 0": lambda found: found["Service"]["spec"]["selector"].update({"a": "b"}),
    "Service digits: its pods have no port web": lambda found: found["Service"]["spec"]["ports"][0].update(
        {"targetPort": "web"}
    ),
    "PodDisruptionBudget digits: its selector matches no pod": lambda found: found["PodDisruptionBudget"]["spec"][
        "selector"
    ]["matchLabels"].update({"app.kubernetes.io/name": "x"}),
    "its target Deployment other is not there": lambda found: found["HorizontalPodAutoscaler"]["spec"][
        "scaleTargetRef"
    ].update({"name": "other"}),
    "9 to 6 replicas are no bounds": lambda found: found["HorizontalPodAutoscaler"]["spec"].update({"minReplicas": 9}),
    "fights with the autoscaler's": lambda found: found["Deployment"]["spec"].update({"replicas": 3}),
    "ServiceMonitor digits: its selector matches no Service": lambda found: found["ServiceMonitor"]["spec"]["selector"][
        "matchLabels"
    ].update({"app.kubernetes.io/name": "x"}),
    "the Service has no port web": lambda found: found["ServiceMonitor"]["spec"]["endpoints"][0].update(
        {"port": "web"}
    ),
    "Service digits_1: no name": lambda found: found["Service"]["metadata"].update({"name": "digits_1"}),
    "different namespaces": lambda found: found["Service"]["metadata"].update({"namespace": "other"}),
    "cannot be the value of label team": lambda found: found["Service"]["metadata"]["labels"].update({"team": "a b"}),
    "cpu: the request 3 is above the limit 2": lambda found: box(found)["resources"]["requests"].update({"cpu": "3"}),
    "memory: the request 1Gi is above": lambda found: box(found)["resources"]["requests"].update({"memory": "1Gi"}),
    "memory: 192MB is no quantity": lambda found: box(found)["resources"]["limits"].update({"memory": "192MB"}),
    "nvidia.com/gpu: 500m is not whole": lambda found: box(found)["resources"]["limits"].update(
        {"nvidia.com/gpu": "500m"}
    ),
    "it cannot be shared": lambda found: box(found)["resources"]["requests"].update({"nvidia.com/gpu": "1"}),
    "volume tmp is mounted and not declared": lambda found: pod(found)["volumes"].clear(),
    "volume tmp is declared and not mounted": lambda found: box(found)["volumeMounts"].clear(),
    "volume tmp is declared twice": lambda found: pod(found)["volumes"].append({"name": "tmp", "emptyDir": {}}),
    "two volumes are mounted at /tmp": lambda found: box(found)["volumeMounts"].append(
        {"name": "tmp", "mountPath": "/tmp"}
    ),
    "variable PLIMSOLL_PORT is set twice": lambda found: box(found)["env"].append(
        {"name": "PLIMSOLL_PORT", "value": ""}
    ),
    "readinessProbe asks port web": lambda found: box(found)["readinessProbe"]["httpGet"].update({"port": "web"}),
    "the startup probe gives up after 1 s": lambda found: box(found)["startupProbe"].update({"failureThreshold": 1}),
    "the liveness probe gives up after 15 s": lambda found: box(found)["livenessProbe"].update({"failureThreshold": 1}),
    "kills what is slow to start": lambda found: box(found).pop("startupProbe"),
    "it is killed 30 s after its end began": lambda found: pod(found).pop("terminationGracePeriodSeconds"),
    "may run as root": lambda found: pod(found)["securityContext"].update({"runAsNonRoot": False}),
    "has no seccomp profile": lambda found: pod(found)["securityContext"].pop("seccompProfile"),
    "may gain privileges": lambda found: box(found)["securityContext"].pop("allowPrivilegeEscalation"),
    "keeps capabilities": lambda found: box(found)["securityContext"].pop("capabilities"),
    "can write to its root file system": lambda found: box(found)["securityContext"].pop("readOnlyRootFilesystem"),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, sentence: str) -> None:
    stream = made(tmp_path, SMALL, monitor=True)
    found = {content["kind"]: content for content in stream.contents}
    MISTAKES[sentence](found)
    sentences = problems([*found.values()], stream.values)
    assert any(sentence in one for one in sentences), sentences


def test_two_autoscalers_of_one_deployment(tmp_path: Path) -> None:
    stream = made(tmp_path, SMALL)
    contents = [*stream.contents, made(tmp_path, SMALL, scale="keda").one("ScaledObject")]
    assert "Deployment digits: 2 autoscalers set its replicas" in problems(contents, stream.values)


def test_the_same_document_twice(tmp_path: Path) -> None:
    stream = made(tmp_path, SMALL)
    assert "Service digits comes twice" in problems([*stream.contents, stream.one("Service")], stream.values)


def test_times_are_those_of_the_profile_not_of_another(tmp_path: Path) -> None:
    """The same stream is right for a model that starts at once and wrong for one that takes 100 s."""
    quick, slow = made(tmp_path, SMALL), made(tmp_path, SLOW)
    assert problems(quick.contents, quick.values) == []
    assert any("the startup probe gives up after 30 s" in one for one in problems(quick.contents, slow.values))


def test_a_patch_is_checked_for_what_it_says(tmp_path: Path) -> None:
    """What is confined and selected in the cluster already need not be said again."""
    stream = made(tmp_path, SMALL)
    container = {key: stream.container[key] for key in ("name", "resources", "startupProbe", "ports")}
    patch = {
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    assert problems([patch], stream.values) == []
    container["resources"]["requests"]["cpu"] = "3"
    assert problems([patch], stream.values) == [
        "Deployment x: container server: cpu: the request 3 is above the limit 2"
    ]


def test_requests_and_limits_are_checked_wherever_they_stand(tmp_path: Path) -> None:
    """Values of a chart have no kind, and no pod."""
    sizes = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
    values = made(tmp_path, SMALL).values
    assert problems([{"server": [{"resources": sizes}]}], values) == [
        "a document: memory: the request 2Gi is above the limit 1Gi"
    ]


def test_a_stream_of_a_gpu_is_right(tmp_path: Path) -> None:
    stream = made(tmp_path, PROFILES["gpu"], gpu=2)
    assert problems(stream.contents, stream.values) == []


@pytest.mark.parametrize(
    ("quantity", "value"),
    [("250m", "0.25"), ("1.5", "1.5"), (2, "2"), ("192Mi", str(192 << 20)), ("2G", "2000000000"), ("1k", "1000")],
)
def test_quantities(quantity: object, value: str) -> None:
    """The examples of Kubernetes' page on resource management."""
    assert amount(quantity) == Decimal(value)


@pytest.mark.parametrize("quantity", ["", "1GB", "one", "1 Gi", None])
def test_what_is_no_quantity(quantity: object) -> None:
    assert amount(quantity) is None
