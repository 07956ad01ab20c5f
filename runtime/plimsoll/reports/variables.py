"""The numbers as variables for the steps of a pipeline: `profile.env`, GitHub Actions, Azure Pipelines.

Values are numbers and single words, so that no shell needs quotes. What is not known is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.markdown import render_markdown


def variables(profile: Profile) -> dict[str, str]:
    """Name → value; those that the server itself should be given come last."""
    recommendation = profile.recommendation
    gpu = recommendation.gpu
    cpu, memory, rate_rps = recommendation.cpu, recommendation.memory, recommendation.max_requests_per_second
    values: dict[str, str | None] = {
        "PROFILE_STATE": profile.state,
        "PROFILE_GRADE": profile.grade,
        # For what knows one number only, such as docker run --cpus: the quota that keeps the latency.
        "RECOMMENDED_CPU": f"{cpu.limit_cores:g}" if cpu else None,
        "RECOMMENDED_CPU_LIMIT": f"{cpu.limit_cores:g}" if cpu else None,
        "RECOMMENDED_CPU_REQUEST": f"{cpu.request_cores:g}" if cpu else None,
        "RECOMMENDED_MEMORY_MI": str(memory.request_bytes // MEBIBYTE) if memory else None,
        "RECOMMENDED_MEMORY_GB": f"{memory.request_bytes / 1e9:.3f}" if memory else None,
        "RECOMMENDED_GPU": str(gpu.count) if gpu else None,
        "RECOMMENDED_GPU_MEMORY_MI": str(gpu.memory_bytes // MEBIBYTE) if gpu and gpu.memory_bytes else None,
        "RECOMMENDED_GPU_RESOURCE": gpu.resource if gpu else None,
        "RECOMMENDED_MIG_PROFILE": gpu.mig_profile if gpu else None,
        "RECOMMENDED_WORKERS": str(recommendation.workers),
        "RECOMMENDED_THREADS": str(recommendation.threads),
        "RECOMMENDED_MAX_BATCH_SIZE": str(recommendation.max_batch_size) if recommendation.max_batch_size else None,
        "RECOMMENDED_REPLICAS": str(recommendation.replicas) if recommendation.replicas else None,
        "MAX_REQUESTS_PER_SECOND": f"{rate_rps:.6g}" if rate_rps else None,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return known | recommendation.environment


def render_env(profile: Profile) -> str:
    """`NAME=value` lines that a shell can source and Docker takes as --env-file."""
    return "".join(f"{name}={value}\n" for name, value in variables(profile).items())


def announce(profile: Profile, folder: Path, environment: Mapping[str, str], stdout: TextIO) -> None:
    """Hands the numbers to the pipeline that this runs in, if it is known; called before the answer is printed."""
    if path := environment.get("GITHUB_OUTPUT"):
        _append(Path(path), "".join(f"{name.lower()}={value}\n" for name, value in variables(profile).items()))
    if path := environment.get("GITHUB_STEP_SUMMARY"):
        _append(Path(path), render_markdown(profile) + "\n")
    if environment.get("TF_BUILD", "").lower() == "true":
        stdout.writelines(line + "\n" for line in _azure_commands(profile, folder))


def _azure_commands(profile: Profile, folder: Path) -> list[str]:
    """Logging commands of Azure Pipelines, which reads them from stdout.

    A variable that is an output can be read by later jobs, but under its short name only if it is set without that
    too; hence both.
    """
    pairs = variables(profile).items()
    plain = [f"##vso[task.setvariable variable={name}]{value}" for name, value in pairs]
    outputs = [f"##vso[task.setvariable variable={name};isOutput=true]{value}" for name, value in pairs]
    return [*plain, *outputs, f"##vso[task.uploadsummary]{(folder / 'profile.md').resolve()}"]


def _append(path: Path, text: str) -> None:
    """These files belong to the runner and hold what other steps wrote."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
