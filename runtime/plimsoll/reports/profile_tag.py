"""`--tag-model`: what the profile recommends, as the tag beside the model."""

from __future__ import annotations

from pathlib import Path

from plimsoll.errors import UsageError
from plimsoll.profiling.result.profile import Profile
from plimsoll.settings.model_tag import ModelTag, write_tag


def tag_of(profile: Profile) -> ModelTag | None:
    """None where nothing is recommended: a model is not tagged with a guess."""
    recommendation = profile.recommendation
    cpu, memory, point = recommendation.cpu, recommendation.memory, recommendation.operating_point
    if profile.state != "Succeeded" or cpu is None or memory is None:
        return None
    return ModelTag(
        profile_name=profile.name,
        profiled_time=profile.created_time,
        grade=profile.grade,
        requested_cpu=cpu.request_cores,
        cpu_limit=cpu.limit_cores,
        requested_memory_in_gb=memory.request_bytes / 1e9,
        requested_memory_bytes=memory.request_bytes,
        workers=recommendation.workers,
        threads=recommendation.threads,
        max_batch_size=recommendation.max_batch_size,
        max_requests_per_second=recommendation.max_requests_per_second,
        requests_per_second=point.requests_per_second if point else None,
    )


def check_taggable(folder: Path | None) -> Path:
    """To be asked before anything is measured; raises UsageError."""
    if folder is None:
        raise UsageError("--tag-model needs one folder of a model to put the tag into", remedy="give --model-dir")
    if not folder.is_dir():
        raise UsageError(f"--tag-model: {folder} is not a folder")
    return folder


def tag_model(profile: Profile, folder: Path) -> Path | None:
    """The file written; None, and an old tag left as it is, where nothing is recommended."""
    tag = tag_of(profile)
    return write_tag(tag, folder) if tag else None
