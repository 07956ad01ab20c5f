"""Profiles to write manifests from: small, slow to start, with batches, on a GPU, on a slice of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plimsoll.deploy.manifest.document import write
from plimsoll.deploy.manifest.formats import FORMATS
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values, make_values
from plimsoll.deploy.needs import read_needs
from plimsoll.profiling.result.files import write_profile
from plimsoll.profiling.result.profile import Profile
from support.finished import FAILED_ROW, HEAVY_ROW, LATENCY, profile_with
from support.operated import open_level

IMAGE = "registry.example/model:1.2"
RATE_RPS = 63.6
_GPU = {
    "count": 1,
    "memoryBytes": 9_000_000_000,
    "fraction": 0.11,
    "migProfile": "1g.10gb",
    "migReason": "the smallest slice with room for it (9.75 GiB)",
    "resource": "nvidia.com/gpu",
    "reason": "It holds 9.0 GB.",
}


@dataclass(frozen=True)
class Made:
    """A profile, the text that the format `kubernetes` makes of it, and what a reader reads there."""

    values: Values
    text: str

    @property
    def contents(self) -> list[dict[str, Any]]:
        return [*yaml.safe_load_all(self.text)]

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = (content for content in self.contents if content["kind"] == kind)
        return found

    @property
    def container(self) -> dict[str, Any]:
        found: dict[str, Any] = self.one("Deployment")["spec"]["template"]["spec"]["containers"][0]
        return found


def made(folder: Path, profile: Profile, **options: Any) -> Made:
    asked = ManifestOptions(**{"image": IMAGE} | options)
    values = make_values(*read_needs(profile_file(folder, profile)), asked)
    return Made(values, write(FORMATS["kubernetes"].make(values, asked)))


def profile_file(folder: Path, profile: Profile) -> Path:
    write_profile(profile, folder)
    return folder / "profile.json"


def profiled(
    startup: Mapping[str, Any] | None = None,
    longest_s: float = 0.0124,
    rate_rps: float = RATE_RPS,
    used_cores: float = 0.7,
    p99_s: float | None = 0.03,
    **advice: Any,
) -> Profile:
    """One that succeeded: 1.25 cores requested, 2 at most, 192 Mi; `used_cores` at the operating point."""
    latency = LATENCY | {"max": longest_s, "p99": p99_s}
    cores = {"mean": used_cores, "p95": 1.0, "max": 1.1}
    measurements = {
        "startup": startup or {"secondsToReady": 0.4, "cpuSeconds": 0.34, "firstRequestSeconds": 0.0116},
        "request": {"cpuSeconds": {"mean": 0.01035}, "latencySeconds": LATENCY},
        "concurrencyLevels": [],
        "operatingLevel": open_level(rate_rps, latency, inFlightMean=0.67, coresUsed=cores),
        "memory": {"peakBytes": 56_000_000, "highWaterSumBytes": 98_000_000},
        "rows": {"count": 3, "distinct": 3, "measured": 3, "failed": [FAILED_ROW], "heaviest": [HEAVY_ROW]},
    }
    recommendation = {
        "cpu": {"requestCores": 1.25, "limitCores": 2.0, "reason": "One request costs 10.3 ms of CPU."},
        "memory": {"requestBytes": 192 << 20, "limitBytes": 192 << 20, "reason": "It needs up to 56 MB."},
        "workers": 1,
        "threads": 1,
        "environment": {"OMP_NUM_THREADS": "2"},
        "maxRequestsPerSecond": rate_rps,
        "operatingPoint": {"requestsPerSecond": rate_rps, "utilisation": 0.6},
    }
    return profile_with(measurements=measurements, recommendation=recommendation | advice)


def assert_numbers_have_reasons(text: str) -> None:
    """Quantities and variables are texts to YAML, but numbers to who reads them."""
    lines = text.splitlines()
    bare = [
        line.strip()
        for above, line in zip(["", *lines], lines, strict=False)
        if re.search(r"(: |- )[\"']?\d[\d.]*(m|Mi|s)?[\"']?$", line) and not above.lstrip(" -").startswith("#")
    ]
    assert bare == []


SMALL = profiled()
SLOW = profiled({"secondsToReady": 48.0, "cpuSeconds": 130.0, "firstRequestSeconds": 9.0}, longest_s=21.0)
BATCHES = profiled(rate_rps=812.5, workers=2, threads=4, maxBatchSize=16)
GPU = profiled({"secondsToReady": 31.0, "cpuSeconds": 30.0}, gpu=_GPU)
SLICE = profiled(gpu=_GPU | {"resource": "nvidia.com/mig-1g.10gb"})
PROFILES = {"small": SMALL, "slow": SLOW, "batches": BATCHES, "gpu": GPU, "slice": SLICE}
