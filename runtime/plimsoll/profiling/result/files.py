"""Reads `profile.json`, and writes a profile's files; each appears as a whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from plimsoll.errors import UsageError
from plimsoll.profiling.result.measurements import ConcurrencyLevel, RateLevelResult
from plimsoll.profiling.result.profile import Profile

_COLUMNS = (
    "kind", "connections", "target_requests_per_second", "requests", "successes", "seconds",
    "requests_per_second", "latency_mean_s", "latency_p50_s", "latency_p95_s", "latency_p99_s", "latency_max_s",
    "cpu_seconds_per_request", "cores_used", "pss_bytes", "peak_bytes", "driver_cores",
)  # fmt: skip


def read_profile(path: Path, flag: str = "") -> Profile:
    """A `profile.json`; raises UsageError that names the `flag` by which it was given."""
    named = f"{flag} {path}" if flag else str(path)
    try:
        return Profile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{named}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"{named}: not a profile of this version: {place}: {first['msg']}") from error


def write_profile(profile: Profile, folder: Path) -> None:
    """`profile.json` and `levels.csv`, the closed-loop levels first."""
    write_whole(folder / "profile.json", profile.model_dump_json(by_alias=True, indent=2) + "\n")
    write_whole(folder / "levels.csv", _levels_csv(profile))


def write_whole(path: Path, text: str) -> None:
    """Under another name first, then renamed: a reader never sees half a file."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes files that only their owner can read.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def make_output_folder(folder: Path) -> None:
    """Raises UsageError where it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"output folder {folder}: {error.strerror}") from error


def _levels_csv(profile: Profile) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    measured = profile.measurements
    writer.writerows(("closed", level.connections, None, *_cells(level)) for level in measured.concurrency_levels)
    writer.writerows(("open", None, one.target_requests_per_second, *_cells(one)) for one in measured.open_levels())
    return text.getvalue()


def _cells(level: ConcurrencyLevel | RateLevelResult) -> tuple[object, ...]:
    """What levels of both kinds have."""
    latency = level.latency_seconds
    return (
        level.requests, level.successes, level.seconds, level.requests_per_second, latency.mean, latency.p50,
        latency.p95, latency.p99, latency.max, level.cpu_seconds_per_request, level.cores_used.mean,
        level.memory.pss_bytes, level.memory.peak_bytes, level.driver_cores,
    )  # fmt: skip
