"""The figures: each from what was measured, by the rule that its comment names."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.deploy.manifest.options import Bounds
from plimsoll.errors import UsageError
from plimsoll.settings.serving import HEARTBEAT_TIMEOUT_S, longest_stop_s
from support.finished import verified_profile
from support.manifests import BATCHES, GPU, RATE_RPS, SLICE, SLOW, SMALL, made, profiled

REPOSITORY = Path(__file__).resolve().parents[3]


def test_a_start_may_take_three_times_what_was_measured(tmp_path: Path) -> None:
    """104 s: 130 s of CPU with the 1.25 cores that are requested; without limits it took 48 s."""
    probe = made(tmp_path, SLOW).container["startupProbe"]
    assert probe["periodSeconds"] == 10
    assert probe["periodSeconds"] * probe["failureThreshold"] == 320 >= 3 * 104
    assert "130 s of CPU" in made(tmp_path, SLOW).text


def test_a_short_start_gets_what_kubernetes_allows(tmp_path: Path) -> None:
    probe = made(tmp_path, SMALL).container["startupProbe"]
    assert (probe["periodSeconds"], probe["failureThreshold"]) == (1, 30)


def test_the_start_inside_the_limits_counts(tmp_path: Path) -> None:
    limited = verified_profile().verification
    assert limited is not None
    slow = [attempt.model_copy(update={"seconds_to_ready": 77.0}) for attempt in limited.attempts]
    profile = SMALL.model_copy(update={"verification": limited.model_copy(update={"attempts": slow})})
    assert made(tmp_path, profile).values.probes.ready_s == 77.0


def test_liveness_waits_for_the_server_to_help_itself_and_for_the_longest_call(tmp_path: Path) -> None:
    for profile, longest_s in ((SMALL, 0.0124), (SLOW, 21.0), (profiled(longest_s=400.0), 400.0)):
        probe = made(tmp_path, profile).container["livenessProbe"]
        budget_s = probe["periodSeconds"] * probe["failureThreshold"]
        assert budget_s >= HEARTBEAT_TIMEOUT_S + longest_s
        assert budget_s < HEARTBEAT_TIMEOUT_S + longest_s + 2 * probe["periodSeconds"]


def test_liveness_asks_as_the_image_does(tmp_path: Path) -> None:
    probe = made(tmp_path, SMALL).container["livenessProbe"]
    check = f"--interval={probe['periodSeconds']}s --timeout={probe['timeoutSeconds']}s"
    assert check in (REPOSITORY / "Dockerfile.cpu").read_text()


@pytest.mark.parametrize(("profile", "grace_s"), [(SMALL, 30), (SLOW, 63)])
def test_the_end_has_room_for_all_that_happens_in_it(tmp_path: Path, profile, grace_s: int) -> None:  # noqa: ANN001
    found = made(tmp_path, profile)
    variables = {one["name"]: one["value"] for one in found.container["env"]}
    assert float(variables["PLIMSOLL_GRACE_SECONDS"]) == grace_s
    drain_s = float(variables["PLIMSOLL_DRAIN_SECONDS"])
    readiness = found.container["readinessProbe"]
    assert drain_s >= readiness["periodSeconds"] * readiness["failureThreshold"]
    (command, seconds) = found.container["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    given_s = found.one("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert given_s >= int(seconds) + longest_stop_s(drain_s, grace_s)


def test_the_autoscaler_keeps_the_utilisation_that_was_measured(tmp_path: Path) -> None:
    spec = made(tmp_path, SMALL).one("HorizontalPodAutoscaler")["spec"]
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 56 == int(100 * 0.7 / 1.25)
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300
    slow = made(tmp_path, SLOW).one("HorizontalPodAutoscaler")["spec"]["behavior"]
    assert slow["scaleUp"]["policies"][0]["periodSeconds"] == 104
    assert slow["scaleDown"]["stabilizationWindowSeconds"] == 320


def test_replicas_for_a_target_or_a_number_or_bounds(tmp_path: Path) -> None:
    by_target = made(tmp_path, SMALL, target_rps=500.0).one("HorizontalPodAutoscaler")["spec"]
    assert (by_target["minReplicas"], by_target["maxReplicas"]) == (8, 16)  # 500 / 63.6 = 7.9
    own = made(tmp_path, SMALL).one("HorizontalPodAutoscaler")["spec"]
    assert own["minReplicas"] == 3  # the profile's own target of 150
    fixed = made(tmp_path, SMALL, replicas=5)
    assert fixed.one("Deployment")["spec"]["replicas"] == 5
    assert "HorizontalPodAutoscaler" not in fixed.text.replace("autoscaler", "")
    bounded = made(tmp_path, SMALL, autoscale=Bounds(2, 9)).one("HorizontalPodAutoscaler")["spec"]
    assert (bounded["minReplicas"], bounded["maxReplicas"]) == (2, 9)
    assert "replicas" not in made(tmp_path, SMALL).one("Deployment")["spec"]


def test_bounds_that_cannot_carry_the_target(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"4 replicas carry 254 of the 500 requests/s.*at least 8"):
        made(tmp_path, SMALL, target_rps=500.0, autoscale=Bounds(2, 4))


def test_it_serves_with_what_its_limits_were_proved_with(tmp_path: Path) -> None:
    found = made(tmp_path, BATCHES)
    variables = {one["name"]: one["value"] for one in found.container["env"]}
    assert variables["PLIMSOLL_WORKERS"] == "2"
    assert variables["PLIMSOLL_THREADS"] == "4"
    assert variables["PLIMSOLL_MAX_BATCH_SIZE"] == "16"
    assert variables["OMP_NUM_THREADS"] == "2"
    assert found.container["resources"] == {
        "requests": {"cpu": "1250m", "memory": "192Mi"},
        "limits": {"cpu": "2", "memory": "192Mi"},
    }


def test_as_many_calls_at_once_as_slots_hold(tmp_path: Path) -> None:
    """Of calls that take 10.5 ms a slot holds two: one runs, the next is there already."""
    assert made(tmp_path, SMALL).values.concurrency.value == 2
    assert made(tmp_path, BATCHES).values.concurrency.value == 2 * 4 * 2 * 16


def test_keda_scales_at_the_rate_or_the_calls_that_were_measured(tmp_path: Path) -> None:
    by_rate = made(tmp_path, SMALL, scale="keda", namespace="prod").one("ScaledObject")["spec"]["triggers"][0]
    assert float(by_rate["metadata"]["threshold"]) == RATE_RPS
    assert 'namespace="prod"' in by_rate["metadata"]["query"]
    by_calls = made(tmp_path, SMALL, scale="keda", scale_on="queue").one("ScaledObject")["spec"]["triggers"][0]
    assert float(by_calls["metadata"]["threshold"]) == 0.67


def test_a_gpu_is_asked_for_whole_on_nodes_that_have_one(tmp_path: Path) -> None:
    pod = made(tmp_path, GPU).one("Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert {"name": "PLIMSOLL_GPU", "value": "required"} in pod["containers"][0]["env"]


def test_a_slice_is_asked_for_by_its_name(tmp_path: Path) -> None:
    for profile, options in ((SLICE, {}), (GPU, {"mig": "1g.10gb"})):
        pod = made(tmp_path, profile, **options).one("Deployment")["spec"]["template"]["spec"]
        assert pod["containers"][0]["resources"]["limits"]["nvidia.com/mig-1g.10gb"] == "1"
        assert pod["nodeSelector"] == {"nvidia.com/mig.strategy": "mixed"}
    assert "a slice computes more slowly" in made(tmp_path, GPU, mig="1g.10gb").text


@pytest.mark.parametrize(
    ("profile", "options", "message"),
    [
        (SMALL, {"gpu": 1}, "--gpu: the profile was made without a GPU"),
        (SMALL, {"mig": "1g.10gb"}, "--mig: the profile was made without a GPU"),
        (GPU, {"mig": "1g.5gb"}, r"--mig 1g.5gb: too small for the 9.0 GB .*the smallest that fits is 1g.10gb"),
        (SMALL, {"environment": {"PLIMSOLL_WORKERS": "8"}}, "--env PLIMSOLL_WORKERS: the manifest sets it"),
        (SMALL, {"environment": {"PLIMSOLL_PORT": "80"}}, "--env PLIMSOLL_PORT: the manifest sets it"),
    ],
)
def test_options_that_the_profile_speaks_against(tmp_path: Path, profile, options, message: str) -> None:  # noqa: ANN001
    with pytest.raises(UsageError, match=message):
        made(tmp_path, profile, **options)


def test_a_boost_where_the_start_needs_more_than_serving(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """130 s of CPU in 48 s are 2.7 cores: three times the request covers them."""
    found = made(tmp_path, SLOW, startup_boost=True)
    (policy,) = found.one("VerticalPodAutoscaler")["spec"]["resourcePolicy"]["containerPolicies"]
    assert policy["startupBoost"] == {"cpu": {"type": "Factor", "factor": 3}}
    assert found.container["resizePolicy"][0] == {"resourceName": "cpu", "restartPolicy": "NotRequired"}
    assert "VerticalPodAutoscaler" not in made(tmp_path, SMALL, startup_boost=True).text
    assert "--startup-boost: the start used 0.85 cores" in capsys.readouterr().err


def test_what_may_wait_and_how_long_a_call_may_run_are_as_profiled(tmp_path: Path) -> None:
    """The rate was proved with them, and `plimsoll plan` reckons with them; defaults need no variable."""
    assert not {"PLIMSOLL_MAX_QUEUE", "PLIMSOLL_SCORING_TIMEOUT_MS"} & {*made(tmp_path, SMALL).values.environment}
    settings = SMALL.settings.model_copy(update={"max_queue": 16, "scoring_timeout_seconds": 2.5})
    found = made(tmp_path, SMALL.model_copy(update={"settings": settings})).values.environment
    assert found["PLIMSOLL_MAX_QUEUE"].value == "16"
    assert found["PLIMSOLL_SCORING_TIMEOUT_MS"].value == "2500"
