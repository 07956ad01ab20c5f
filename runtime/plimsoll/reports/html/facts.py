"""Where and when it was measured, and with which requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.arrivals import arrivals_sentence
from plimsoll.reports.units import cores, number


def when(profile: Profile) -> str:
    """`20 November 2026, 22:25 UTC`."""
    at = datetime.fromisoformat(profile.created_time)
    return f"{at.day} {at:%B %Y, %H:%M %Z}".strip()


def duration(profile: Profile) -> str:
    """`24 s` or `3 min 10 s`."""
    minutes, seconds = divmod(round(profile.elapsed_seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def machine(profile: Profile) -> str:
    """`2 cores of AMD EPYC`."""
    return f"{cores(profile.host.usable_cores)} of {profile.host.cpu_model or 'an unknown processor'}"


def facts(profile: Profile) -> list[tuple[str, str]]:
    """Pairs of name and value; what is empty is left out."""
    return [(name, value) for name, value in _facts(profile) if value]


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    host, dataset, settings = profile.host, profile.dataset, profile.settings
    kinds = ", ".join(f"{kind} ({count:,})" for kind, count in dataset.content_types.items())
    yield "Dataset", f"{dataset.path}: {dataset.rows:,} rows, {dataset.distinct:,} distinct, {dataset.bytes:,} bytes"
    yield "Content type", kinds
    yield "Machine", f"{machine(profile)}, {host.memory_total_bytes / 1e9:.0f} GB, Linux {host.kernel}"
    limits = [cores(host.cpu_limit_cores)] if host.cpu_limit_cores else []
    limits += [f"{host.memory_limit_bytes / 1e9:.1f} GB"] if host.memory_limit_bytes else []
    yield "Limits in force", ", ".join(limits) or "none"
    yield "Load", f"{profile.driver.kind}; seed {profile.driver.seed}"
    yield "Arrivals", arrivals_sentence(profile)
    yield "Capacity search ended because", profile.driver.capacity_stopped
    yield "Budget", f"{number(settings.budget_seconds)} s"
    variables = profile.recommendation.environment.items()
    yield "Environment to set", ", ".join(f"{name}={value}" for name, value in variables)
    yield "Server", " ".join(settings.server_arguments)
