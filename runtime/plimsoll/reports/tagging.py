"""`--tag-model`: writes what the profile recommends beside the model."""

from __future__ import annotations

from pathlib import Path

from plimsoll.errors import UsageError
from plimsoll.model_tag import ModelTag, write_tag
from plimsoll.profiling.result.profile import Profile


def tag_of(profile: Profile) -> ModelTag | None:
    """None where nothing is recommended."""
    recommendation = profile.recommendation
    cpu, memory = recommendation.cpu, recommendation.memory
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
    )


def check_taggable(model_dir: str | None) -> Path:
    """To be asked before anything is measured; raises UsageError."""
    if model_dir is None:
        raise UsageError("--tag-model needs a model to put the tag beside", remedy="give --model-dir")
    folder = Path(model_dir)
    if not folder.is_dir():
        raise UsageError(f"--tag-model: {folder} is not a folder")
    return folder


def tag_model(profile: Profile, model_dir: Path) -> Path | None:
    """The file written; None, and an old tag left as it is, where nothing is recommended."""
    tag = tag_of(profile)
    return write_tag(tag, model_dir) if tag else None
