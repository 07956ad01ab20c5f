"""`--format kserve`: what is measured decides how it scales."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import UsageError
from support.manifests import BATCHES, SLOW, SMALL, profiled
from support.platforms.made import Made, made_as


def _predictor(made: Made) -> dict[str, Any]:
    found: dict[str, Any] = made.contents[1]["spec"]["predictor"]
    return found


def test_concurrency_is_what_the_slots_run_and_hold(tmp_path: Path) -> None:
    """10.5 ms per call: a slot holds the next one. Batches multiply."""
    assert _predictor(made_as(tmp_path, "kserve", SMALL))["containerConcurrency"] == 2
    assert _predictor(made_as(tmp_path, "kserve", BATCHES))["containerConcurrency"] == 2 * 4 * 2 * 16


def test_knative_allows_a_thousand_calls_at_once(tmp_path: Path) -> None:
    """More than container-concurrency-max-limit its webhook refuses; without Knative there is no such bound."""
    large = profiled(rate_rps=9000.0, workers=8, threads=4, maxBatchSize=64)
    made = made_as(tmp_path, "kserve", large)
    assert _predictor(made)["containerConcurrency"] == 1000
    assert "the most that Knative allows, instead of 4096 calls" in made.text
    assert _predictor(made_as(tmp_path, "kserve", large, scale="hpa"))["containerConcurrency"] == 4096


def test_a_name_leaves_room_for_what_kserve_adds(tmp_path: Path) -> None:
    made_as(tmp_path, "kserve", SMALL, name="d" * 53)
    with pytest.raises(UsageError, match="too long for KServe"):
        made_as(tmp_path, "kserve", SMALL, name="d" * 54)


def test_knative_scales_on_the_proved_rate_and_all_of_it(tmp_path: Path) -> None:
    made = made_as(tmp_path, "kserve", SMALL, target_rps=500.0)
    predictor = _predictor(made)
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("rps", 63)
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (8, 16)
    annotations = made.contents[1]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/target-utilization-percentage"] == "100"


def test_below_one_request_per_second_calls_are_counted(tmp_path: Path) -> None:
    predictor = _predictor(made_as(tmp_path, "kserve", profiled(rate_rps=0.4, threads=3)))
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("concurrency", 3)


def test_raw_deployments_scale_on_cpu_and_end_as_pods_do(tmp_path: Path) -> None:
    made = made_as(tmp_path, "kserve", SMALL, scale="hpa")
    predictor, (container,) = _predictor(made), made.contents[0]["spec"]["containers"]
    assert made.contents[1]["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "RawDeployment"}
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("cpu", 56)
    assert predictor["terminationGracePeriodSeconds"] == made.values.ending.in_all.value
    assert {"startupProbe", "lifecycle"} <= {*container}


def test_a_fixed_number_does_not_scale(tmp_path: Path) -> None:
    predictor = _predictor(made_as(tmp_path, "kserve", SMALL, replicas=4))
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (4, 4)
    assert "scaleMetric" not in predictor


def test_the_time_for_a_request_is_that_for_the_end(tmp_path: Path) -> None:
    """Knative gives a replica as long to end as one request may take."""
    made = made_as(tmp_path, "kserve", SLOW)
    assert _predictor(made)["timeout"] == made.values.ending.in_all.value > 63


def test_knative_waits_for_a_start_beyond_its_default(tmp_path: Path) -> None:
    name = "serving.knative.dev/progress-deadline"
    assert name not in made_as(tmp_path, "kserve", SLOW).contents[1]["metadata"]["annotations"]
    glacial = made_as(tmp_path, "kserve", profiled({"secondsToReady": 400.0, "cpuSeconds": 1.0}))
    assert glacial.contents[1]["metadata"]["annotations"][name] == "1200s"


def test_a_model_on_a_claim_is_mounted_by_kserve(tmp_path: Path) -> None:
    made = made_as(tmp_path, "kserve", SMALL, model_claim="models")
    (container,) = made.contents[0]["spec"]["containers"]
    assert _predictor(made)["model"]["storageUri"] == "pvc://models/"
    assert {"name": "AZUREML_MODEL_DIR", "value": "/mnt/models"} in container["env"]
    assert [volume["name"] for volume in made.contents[0]["spec"]["volumes"]] == ["tmp"]
