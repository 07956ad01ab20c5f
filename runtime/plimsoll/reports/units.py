"""Numbers as people read them."""

from __future__ import annotations

from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.result.base import LatencySeconds
from plimsoll.profiling.result.growth import GrowthResult

UNKNOWN = "–"  # noqa: RUF001


def cores(count: float) -> str:
    """`1 core`, `1.5 cores`."""
    return counted(count, "core")


def connections(count: int) -> str:
    return counted(count, "connection")


def replicas_for_target(count: int | None) -> str:
    """To be put behind a rate; nothing where no target was given."""
    return f", {counted(count, 'replica')} for the target" if count else ""


def mebibytes(size_bytes: int) -> str:
    """`256 Mi (0.27 GB)`: Kubernetes counts in Mi, clouds sell GB."""
    return f"{size_bytes // MEBIBYTE} Mi ({size_bytes / 1e9:.2f} GB)"


def megabytes(size_bytes: float | None) -> str:
    """Decimal MB, whole ones."""
    return UNKNOWN if size_bytes is None else f"{size_bytes / 1e6:.0f}"


def milliseconds(seconds: float | None) -> str:
    """`10.4`, `0.38`, `1250`: three digits are as many as a measurement has."""
    return UNKNOWN if seconds is None else number(seconds * 1000)


def percentiles(latency: LatencySeconds) -> tuple[str, ...]:
    """p50, p95, p99 and the maximum, in milliseconds: cells of a table."""
    return tuple(map(milliseconds, (latency.p50, latency.p95, latency.p99, latency.max)))


def growth_cells(growth: GrowthResult) -> tuple[str, str]:
    """How much memory grows, and what is thought of it."""
    slope = growth.bytes_per_1000_requests
    return UNKNOWN if slope is None else f"{slope / 1e6:+.2f} MB", f"per 1000 requests: {growth.verdict}"


def percent(share: float | None) -> str:
    """Of a share from 0 to 1."""
    return UNKNOWN if share is None else f"{share:.0%}"


def number(value: float | None) -> str:
    """Three significant digits, never in powers of ten."""
    if value is None:
        return UNKNOWN
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
