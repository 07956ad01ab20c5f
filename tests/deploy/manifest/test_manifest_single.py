"""`--format helm`, `vpa` and `compose`: the figures of the profile under the names of the tool."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plimsoll.deploy.manifest.options import Bounds
from support.manifests import GPU, SMALL, profiled
from support.platforms.made import VM, made_as
from support.platforms.valid import rendered

GIBIBYTE = 1 << 30


def test_helm_sets_replicas_or_scales(tmp_path: Path) -> None:
    scaled = made_as(tmp_path, "helm", SMALL, autoscale=Bounds(3, 9)).only
    assert scaled["autoscaling"] == {
        "enabled": True,
        "minReplicas": 3,
        "maxReplicas": 9,
        "targetCPUUtilizationPercentage": 56,
    }
    fixed = made_as(tmp_path, "helm", SMALL, replicas=4).only
    assert (fixed["replicaCount"], fixed["autoscaling"]) == (4, {"enabled": False})


def test_helm_splits_the_image_as_charts_put_it_together(tmp_path: Path) -> None:
    for image, expected in (
        ("registry.example/model:1.2", "registry.example/model:1.2"),
        ("registry.example:5000/model", "registry.example:5000/model:latest"),
        ("model@sha256:" + "0" * 64, "model@sha256:" + "0" * 64),
    ):
        deployment = rendered(made_as(tmp_path, "helm", SMALL, image=image).only)
        assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == expected


def test_vpa_recommends_within_what_was_measured(tmp_path: Path) -> None:
    (policy,) = made_as(tmp_path, "vpa", SMALL).only["spec"]["resourcePolicy"]["containerPolicies"]
    assert policy["minAllowed"] == {"cpu": "1250m", "memory": "192Mi"}
    assert policy["maxAllowed"] == {"cpu": "2", "memory": "292Mi"}
    memory = {"requestBytes": GIBIBYTE, "limitBytes": GIBIBYTE, "reason": "It needs up to 0.9 GB."}
    large = made_as(tmp_path, "vpa", profiled(memory=memory)).only
    assert large["spec"]["resourcePolicy"]["containerPolicies"][0]["maxAllowed"]["memory"] == "1229Mi"


def test_compose_has_the_limits_in_dockers_units(tmp_path: Path) -> None:
    made = made_as(tmp_path, "compose", SMALL)
    service = made.only["services"]["digits"]
    assert (service["cpus"], service["cpu_shares"]) == (2.0, 1280)
    assert (service["mem_limit"], service["memswap_limit"]) == ("192m", "192m")
    assert service["ports"] == ["127.0.0.1:5001:5001"]
    ending = made.values.ending
    assert service["stop_grace_period"] == f"{ending.in_all.value - ending.pre_stop.value}s"
    assert "deploy" not in service


def test_compose_gives_whole_gpus(tmp_path: Path) -> None:
    service = made_as(tmp_path, "compose", GPU, gpu=2).only["services"]["digits"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
    assert service["tmpfs"] == ["/tmp:exec,mode=1777", "/var/cache/plimsoll:exec,mode=1777"]


def test_compose_mounts_a_model_that_is_there_already(tmp_path: Path) -> None:
    content = made_as(tmp_path, "compose", SMALL, model_claim="models").only
    service = content["services"]["digits"]
    assert content["volumes"] == {"model": {"external": True, "name": "models"}}
    assert service["volumes"][0]["target"] == service["environment"]["AZUREML_MODEL_DIR"] == "/var/azureml-model"


@pytest.mark.parametrize(
    ("format_name", "written"), [("compose", "a$$$$b$$c$$(D)"), ("helm", "a$$$$b$$c$$(D)"), ("azureml", "a$$b$c$(D)")]
)
def test_a_dollar_stands_for_itself(tmp_path: Path, format_name: str, written: str) -> None:
    """Doubled, by the pages on interpolation (Compose) and dependent variables (Kubernetes); Azure has neither."""
    own = VM if format_name == "azureml" else {}
    made = made_as(tmp_path, format_name, SMALL, environment={"SECRET": "a$$b$c$(D)"}, **own)
    assert re.findall(r"a\$\S+b\$\S*", made.text) == [written]
