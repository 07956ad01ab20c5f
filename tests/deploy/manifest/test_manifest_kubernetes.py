"""`--format kubernetes`: every variant is valid, fits itself, and is the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from kubernetes_validate import SchemaNotFoundError, validate

from plimsoll.deploy.manifest.checks.problems import problems
from plimsoll.deploy.manifest.document import write
from plimsoll.deploy.manifest.kubernetes.job import job
from plimsoll.deploy.manifest.options import Bounds, ManifestOptions
from plimsoll.deploy.needs import read_needs
from plimsoll.errors import UsageError
from support.custom_kinds import validate_custom
from support.manifests import IMAGE, PROFILES, SMALL, assert_numbers_have_reasons, made, profile_file

VERSIONS = ("1.29", "1.31", "1.33", "1.35", "1.37")
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "fixed": {"replicas": 3, "namespace": "prod", "name": "scoring"},
    "target": {"target_rps": 2000.0, "autoscale": Bounds(4, 90), "port": 8080},
    "keda": {"scale": "keda", "monitor": True, "labels": {"release": "prometheus"}},
    "keda-queue": {"scale": "keda", "scale_on": "queue", "prometheus": "http://thanos.mon:9090", "namespace": "prod"},
    "secrets": {"keys_secret": "api.keys", "pull_secret": "registry", "model_claim": "models", "monitor": True},
    "tls": {"tls_secret": "digits-tls", "keys_secret": "keys", "monitor": True, "scale": "keda"},
    "boost": {"startup_boost": True, "environment": {"LOG_LEVEL": "1e3", "EMPTY": ""}},
    "nodes": {"node_selector": {"kubernetes.azure.com/agentpool": "gpu"}, "environment": {"A": "b: {c}"}},
}
JOBS: dict[str, dict[str, Any]] = {
    "plain": {},
    "claim": {"data_claim": "profiling", "budget": "thorough", "target_rps": 50.0, "namespace": "prod"},
    "gpu": {"gpu": 2, "model_claim": "models", "environment": {"A": "1"}},
    "slice": {"mig": "2g.20gb", "requests": "/var/azureml-app/rows.csv", "budget": "90"},
}


def is_valid(content: dict[str, Any]) -> None:
    for version in VERSIONS:
        try:
            validate(content, version, strict=True)
        except SchemaNotFoundError:
            validate_custom(content)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_variant_is_valid_and_fits_itself(tmp_path: Path, profile, options: dict[str, Any]) -> None:  # noqa: ANN001
    found = made(tmp_path, profile, **options)
    assert problems(found.contents, found.values) == []
    for content in found.contents:
        is_valid(content)
    assert made(tmp_path, profile, **options).text == found.text


@pytest.mark.parametrize("options", JOBS.values(), ids=JOBS)
@pytest.mark.parametrize("profile", [None, *PROFILES.values()], ids=["none", *PROFILES])
def test_every_job_is_valid_and_fits_itself(tmp_path: Path, profile, options: dict[str, Any]) -> None:  # noqa: ANN001
    needs = read_needs(profile_file(tmp_path, profile))[0] if profile else None
    asked = ManifestOptions(image=IMAGE, job=True, **options)
    text = write([job(asked, needs)])
    (content,) = yaml.safe_load_all(text)
    assert problems([content], None) == []
    is_valid(content)
    assert_numbers_have_reasons(text)


def test_a_schema_of_kubernetes_sees_a_mistake(tmp_path: Path) -> None:
    """Or the tests above would prove nothing."""
    content = made(tmp_path, SMALL).one("Deployment")
    content["spec"]["replica"] = 3
    with pytest.raises(ValidationError, match="replica"):
        is_valid(content)


@pytest.mark.parametrize(
    ("kind", "key"),
    [("ScaledObject", "maxReplicas"), ("ServiceMonitor", "endpoint"), ("PrometheusRule", "rules")],
)
def test_a_schema_of_another_project_sees_a_mistake(tmp_path: Path, kind: str, key: str) -> None:
    content = made(tmp_path, SMALL, scale="keda", monitor=True).one(kind)
    content["spec"][key] = 3
    with pytest.raises(ValidationError, match=key):
        is_valid(content)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_number_has_its_reason(tmp_path: Path, profile) -> None:  # noqa: ANN001
    text = made(tmp_path, profile, startup_boost=True, monitor=True, keys_secret="keys", model_claim="model").text
    assert_numbers_have_reasons(text)


def test_no_kind_of_node_but_the_one_that_was_asked_for(tmp_path: Path) -> None:
    found = made(tmp_path, PROFILES["gpu"], node_selector={"agentpool": "a100"})
    assert found.one("Deployment")["spec"]["template"]["spec"]["nodeSelector"] == {"agentpool": "a100"}


def test_the_deployment_says_what_it_was_made_from(tmp_path: Path) -> None:
    found = made(tmp_path, SMALL)
    noted = found.one("Deployment")["metadata"]["annotations"]
    assert noted["plimsoll.grade"] == "estimated"
    assert noted["plimsoll.profile-date"] == "2026-01-01T00:00:00+00:00"
    assert noted["plimsoll.profile-sha256"] == found.values.needs.digest
    assert noted["plimsoll.load-line"] == "63.6 requests/s per replica inside 2 cores and 192Mi, p99 30 ms"
    assert found.one("Deployment")["spec"]["template"]["metadata"]["annotations"] == noted


def test_what_is_written_to_is_no_root_file_system(tmp_path: Path) -> None:
    """The images keep everything that is written under /tmp and /var/cache/plimsoll (docs/images.md)."""
    for name, writable in (("small", {"/tmp"}), ("gpu", {"/tmp", "/var/cache/plimsoll"})):
        mounts = made(tmp_path, PROFILES[name], keys_secret="keys", model_claim="model").container["volumeMounts"]
        assert {mount["mountPath"] for mount in mounts if not mount.get("readOnly")} == writable


def test_keys_and_model_are_where_the_variables_say(tmp_path: Path) -> None:
    found = made(tmp_path, SMALL, keys_secret="keys", model_claim="model")
    variables = {one["name"]: one["value"] for one in found.container["env"]}
    paths = {mount["name"]: mount["mountPath"] for mount in found.container["volumeMounts"]}
    (keys,) = (one["secret"] for one in volumes(found.one("Deployment")) if one["name"] == "keys")
    assert variables["PLIMSOLL_API_KEYS_FILE"] == f"{paths['keys']}/{keys['items'][0]['path']}"
    assert keys["defaultMode"] == 0o440
    assert variables["AZUREML_MODEL_DIR"] == paths["model"]


def volumes(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = deployment["spec"]["template"]["spec"]["volumes"]
    return found


def test_a_user_whose_labels_try_to_take_the_pods_away(tmp_path: Path) -> None:
    """Ours are what selectors look for: they are refused rather than passed over without a word."""
    with pytest.raises(UsageError, match=r"--label app\.kubernetes\.io/name"):
        made(tmp_path, SMALL, labels={"app.kubernetes.io/name": "other"})
    found = made(tmp_path, SMALL, labels={"team": "ml"})
    assert found.one("Service")["metadata"]["labels"]["app.kubernetes.io/name"] == "digits"
    assert found.one("Service")["metadata"]["labels"]["team"] == "ml"
