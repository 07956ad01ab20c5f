"""Made-up profiles with an operating point: what all deployments are made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plimsoll.profiling.result.profile import Profile
from support.finished import LATENCY, LEVEL

_KNOWN = ("p50", "p90", "p95", "p99")


def open_level(rate_rps: float, latency: Mapping[str, Any] = LATENCY, **changes: Any) -> dict[str, Any]:
    """A Poisson process at this rate, all of it answered."""
    level = {
        "targetRequestsPerSecond": rate_rps,
        "requestsPerSecond": rate_rps,
        "capacityShare": 0.6,
        "cpus": 2,
        "requests": 1000,
        "offered": 1000,
        "successes": 1000,
        "outcomes": {"200": 1000},
        "seconds": 16.0,
        "latencySeconds": latency,
        "latenessSeconds": {"p50": 0.0001, "p99": 0.0002, "max": 0.0003},
        "inFlightMean": 1.0,
        "inFlightMax": 6,
        "queueGrowing": False,
        "driverLimited": False,
        "sloMet": None,
        "cpuSecondsPerRequest": 0.01,
        "coresUsed": {"mean": 0.7, "p95": 1.0, "max": 1.1},
        "memory": LEVEL["memory"],
        "driverCores": 0.1,
        "elsewhereCores": 0.0,
    }
    return level | changes


def operated(profile: Profile, level: Mapping[str, Any], most_rps: float, **advice: Any) -> Profile:
    """With this operating level, of a replica that could carry `most_rps`; `advice` replaces parts of the rest."""
    rate_rps = level["requestsPerSecond"]
    known = {name: level["latencySeconds"][name] for name in _KNOWN if name in level["latencySeconds"]}
    point = {"requestsPerSecond": rate_rps, "utilisation": rate_rps / most_rps, "latencySeconds": known}
    made = profile.model_dump(by_alias=True)
    made["recommendation"] |= {"operatingPoint": point} | advice
    made["measurements"]["operatingLevel"] = level
    return Profile.model_validate(made)


def changed(profile: Profile, **changes: Any) -> Profile:
    """At the top, by the names that JSON has."""
    return Profile.model_validate(profile.model_dump(by_alias=True) | changes)


def written(profile: Profile, folder: Path) -> Path:
    """As a file, as a user has it."""
    path = folder / "profile.json"
    path.write_text(profile.model_dump_json(by_alias=True))
    return path
