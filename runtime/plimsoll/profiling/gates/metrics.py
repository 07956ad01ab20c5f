"""The numbers of a profile that gates can speak about, and quantities as people write them: `200ms`, `4GB`, `99.9%`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from plimsoll.errors import UsageError
from plimsoll.profiling.result.profile import Profile

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z/%]*)")


class Dimension(StrEnum):
    TIME = "time"
    MEMORY = "memory"
    SHARE = "share"
    CORES = "cores"
    RATE = "requests per second"
    COUNT = "count"


# In seconds, bytes, shares of 1, cores, requests per second.
_UNITS: dict[Dimension, dict[str, float]] = {
    Dimension.TIME: {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0},
    Dimension.MEMORY: {
        "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "M": 1e6, "G": 1e9,
        "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
    },
    Dimension.SHARE: {"%": 0.01, "": 1.0},
    Dimension.CORES: {"": 1.0, "m": 1e-3, "core": 1.0, "cores": 1.0},
    Dimension.RATE: {"": 1.0, "/s": 1.0, "rps": 1.0},
    Dimension.COUNT: {"": 1.0},
}  # fmt: skip


def parse_quantity(text: str, dimension: Dimension) -> float:
    """In the base unit of the dimension; raises UsageError that names the units there are."""
    found, units = _QUANTITY.fullmatch(text.strip()), _UNITS[dimension]
    unit = _unit(found.group(2), units) if found else None
    if found is None or unit is None:
        known = ", ".join(name or "none" for name in units)
        raise UsageError(f"{text.strip()!r} is not a quantity of {dimension}", remedy=f"units: {known}")
    # 99.9 * 0.01 is a little more than 0.999 in binary, and a rate of 0.999 would not hold it.
    return float(Decimal(found.group(1)) * Decimal(str(units[unit])))


def _unit(name: str, units: dict[str, float]) -> str | None:
    """Case decides only where it must: `mb` is MB, but `M` and `m` differ."""
    if name in units:
        return name
    return next((unit for unit in units if len(unit) > 1 and unit.lower() == name.lower()), None)


def show_quantity(value: float, dimension: Dimension) -> str:
    if dimension is Dimension.TIME:
        return f"{_plain(value * 1000)} ms" if value < 10 else f"{_plain(value)} s"
    if dimension is Dimension.MEMORY:
        return f"{value / 1e6:.0f} MB" if value < 1e9 else f"{value / 1e9:.2f} GB"
    if dimension is Dimension.SHARE:
        return f"{value * 100:.6g} %"
    unit = {Dimension.CORES: " cores", Dimension.RATE: " requests/s"}.get(dimension, "")
    return f"{_plain(value)}{unit}"


def _plain(value: float) -> str:
    """Four digits, and never in powers of ten."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number by its name; `path` is where it is in profile.json, or where its null is explained.

    `found_by` reads what does not stand there as it is.
    """

    name: str
    dimension: Dimension
    path: str
    found_by: Callable[[Profile], float | None] | None = None

    def read(self, profile: Profile) -> float | None:
        if self.found_by is not None:
            return self.found_by(profile)
        found: Any = profile
        for name in self.path.split("."):
            found = getattr(found, re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name), None)
        return None if found is None else float(found)


def _percentile(name: str) -> Metric:
    path = f"recommendation.operatingPoint.latencySeconds.{name}"
    return Metric(name, Dimension.TIME, path, lambda profile: _latency_s(profile, name))


def _latency_s(profile: Profile, name: str) -> float | None:
    """At the recommended rate if that was tried out, else at the knee, where it is longer.

    Where the rate was tried and too many requests failed, there is none: the knee must not stand in for it.
    """
    level = profile.measurements.operating_level
    if level is not None and level.latency_seconds.mean is None:
        return None
    point = profile.recommendation.operating_point
    tried_s: float | None = getattr(point.latency_seconds, name, None) if point else None
    knee_ms: float | None = getattr(profile.azureml, f"latency_percentile_{name[1:]}_in_ms")
    return tried_s if tried_s is not None else None if knee_ms is None else knee_ms / 1000


def _longest_stall_s(profile: Profile) -> float | None:
    """Of any configuration; 0 where there was load and none was seen."""
    measured = profile.measurements
    nothing_s = 0.0 if measured.concurrency_levels else None
    return max((stall.longest_seconds for stall in measured.stalls), default=nothing_s)


_ALL = (
    *(_percentile(name) for name in ("p50", "p90", "p95", "p99", "p999")),
    Metric("memory", Dimension.MEMORY, "recommendation.memory.requestBytes"),
    Metric("memory-peak", Dimension.MEMORY, "measurements.memory.peakBytes"),
    Metric("gpu-memory", Dimension.MEMORY, "recommendation.gpu.memoryBytes"),
    Metric("cpu", Dimension.CORES, "recommendation.cpu.requestCores"),
    Metric("cpu-limit", Dimension.CORES, "recommendation.cpu.limitCores"),
    Metric("cpu-per-request", Dimension.TIME, "measurements.request.cpuSeconds.mean"),
    Metric("success", Dimension.SHARE, "azureml.successRate"),
    Metric("rate", Dimension.RATE, "recommendation.maxRequestsPerSecond"),
    Metric("stall", Dimension.TIME, "measurements.stalls", _longest_stall_s),
    Metric("replicas", Dimension.COUNT, "recommendation.replicas"),
    Metric("startup", Dimension.TIME, "measurements.startup.secondsToReady"),
)
METRICS = {metric.name: metric for metric in _ALL}
