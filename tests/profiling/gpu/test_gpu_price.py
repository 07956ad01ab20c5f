"""GPU or not: costs worked out by hand from two made-up profiles of the same requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import UsageError
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.gpu.price import CpuRival, keeps, read_rival
from plimsoll.profiling.result.profile import Profile
from support.finished import LATENCY, profile_with

CPU = {"requestCores": 2.0, "limitCores": 2.0, "reason": "2 cores."}
MEMORY = {"requestBytes": 8_000_000_000, "limitBytes": 8_000_000_000, "reason": "8 GB."}


def of_rate(rate_rps: float, gpu: dict[str, Any] | None = None, **changes: Any) -> Profile:
    advice = {"cpu": CPU, "memory": MEMORY, "gpu": gpu, "workers": 1, "threads": 1, "maxRequestsPerSecond": rate_rps}
    return profile_with(recommendation=advice, **changes)


def gpu_advice(resource: str = "nvidia.com/gpu", count: int = 1) -> dict[str, Any]:
    sizes = {"count": count, "memoryBytes": 4 * 2**30, "fraction": 0.05, "migProfile": None, "migReason": "none"}
    return sizes | {"resource": resource, "reason": "It needs up to 3 GB."}


def with_latency(profile: Profile, p99_s: float) -> Profile:
    """With one open-loop level."""
    level = {
        "targetRequestsPerSecond": 10.0, "offered": 100, "requests": 100, "successes": 100, "outcomes": {"200": 100},
        "seconds": 10.0, "requestsPerSecond": 10.0, "latencySeconds": LATENCY | {"p99": p99_s},
        "cpuSecondsPerRequest": 0.01, "coresUsed": {"mean": 0.1, "p95": 0.1, "max": 0.1},
        "memory": {"pssBytes": 1, "peakBytes": 1, "highWaterSumBytes": 1}, "driverCores": 0.0, "elsewhereCores": 0.0,
        "inFlightMean": 1.0, "inFlightMax": 1, "queueGrowing": False, "driverLimited": False, "sloMet": None,
        "capacityShare": 0.5, "cpus": 2, "latenessSeconds": {"p50": 0.0, "p99": 0.0, "max": 0.0},
    }  # fmt: skip
    measurements = profile.measurements.model_dump(by_alias=True) | {"rateLevels": [level]}
    return Profile.model_validate(profile.model_dump(by_alias=True) | {"measurements": measurements})


@pytest.mark.parametrize(
    ("gpu_rps", "cpu_rps", "ratio", "recommended"),
    [
        # 2 cores and 8 GB are 3 vCPUs, with the GPU 11: it must do 11/3 times as much.
        (370.0, 100.0, 8.0, "gpu"),
        (360.0, 100.0, 8.0, "cpu"),
        (360.0, 100.0, 7.0, "gpu"),
    ],
)
def test_the_cheaper_one_is_recommended(gpu_rps: float, cpu_rps: float, ratio: float, recommended: str) -> None:
    found = CpuRival(of_rate(cpu_rps), ratio).amend(of_rate(gpu_rps, gpu_advice()))
    assert found.recommendation.gpu is not None
    against = found.recommendation.gpu.against_cpu
    assert against is not None
    assert against.recommended == recommended
    assert against.cpu_vcpu_hours_per_million == pytest.approx(3 / cpu_rps * 1e6 / 3600)
    assert against.gpu_vcpu_hours_per_million == pytest.approx((3 + ratio) / gpu_rps * 1e6 / 3600)
    assert f"counted as {ratio:g} vCPUs" in against.reason


def test_the_objective_outweighs_the_price() -> None:
    slo = Slo(0.99, 0.1)
    slow, quick = with_latency(of_rate(100.0), 0.3), with_latency(of_rate(100.0, gpu_advice()), 0.02)
    assert (keeps(slow, slo), keeps(quick, slo), keeps(of_rate(1.0), slo)) == (False, True, None)
    found = CpuRival(slow, 8.0, slo).amend(quick)
    assert found.recommendation.gpu is not None
    against = found.recommendation.gpu.against_cpu
    assert against is not None
    assert (against.recommended, "only the GPU meets p99 of 100 ms" in against.reason) == ("gpu", True)
    assert keeps(slow, Slo(0.87, 0.1)) is None, "no such percentile was measured"


def test_what_cannot_be_compared_is_a_warning() -> None:
    rival = CpuRival(of_rate(100.0), 8.0)
    idle = rival.amend(of_rate(100.0))
    assert "no GPU was used" in idle.warnings[-1]
    other = of_rate(100.0, gpu_advice(), dataset=of_rate(1.0).dataset.model_dump(by_alias=True) | {"rows": 4})
    assert "another dataset" in rival.amend(other).warnings[-1]
    rateless = {"cpu": CPU, "memory": MEMORY, "gpu": gpu_advice(), "workers": 1, "threads": 1}
    assert "without a rate" in rival.amend(profile_with(recommendation=rateless)).warnings[-1]


def test_an_objective_that_only_cpus_keep_outweighs_the_price_too() -> None:
    slo = Slo(0.99, 0.1)
    dear, slow = with_latency(of_rate(1.0), 0.02), with_latency(of_rate(1000.0, gpu_advice()), 0.3)
    found = CpuRival(dear, 8.0, slo).amend(slow)
    assert found.recommendation.gpu is not None
    assert found.recommendation.gpu.against_cpu is not None
    assert found.recommendation.gpu.against_cpu.recommended == "cpu"


def test_only_a_profile_on_cpus_is_a_rival(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    for profile, words in (
        (of_rate(1.0, gpu_advice()), "measured on a GPU"),
        (profile_with(recommendation={"workers": 1, "threads": 1}), "no recommendation"),
    ):
        path.write_text(profile.model_dump_json(by_alias=True))
        with pytest.raises(UsageError, match=words):
            read_rival(path, 8.0, None)
    path.write_text(json.dumps({}))
    with pytest.raises(UsageError, match="not a profile"):
        read_rival(path, 8.0, None)
