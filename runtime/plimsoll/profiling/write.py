"""Writes a profile's files; each appears whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from pathlib import Path

from plimsoll.errors import UsageError
from plimsoll.profiling.result import Profile
from plimsoll.profiling.result_measurements import ConcurrencyLevel

_COLUMNS = (
    "connections", "requests", "successes", "seconds", "requests_per_second", "latency_mean_s", "latency_p50_s",
    "latency_p95_s", "latency_p99_s", "cpu_seconds_per_request", "cores_used", "pss_bytes", "peak_bytes",
    "driver_cores",
)  # fmt: skip


def write_profile(profile: Profile, folder: Path) -> None:
    """`profile.json` and `levels.csv`."""
    write_whole(folder / "profile.json", profile.model_dump_json(by_alias=True, indent=2) + "\n")
    write_whole(folder / "levels.csv", _levels_csv(profile.measurements.concurrency_levels))


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


def _levels_csv(levels: list[ConcurrencyLevel]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_level_row(level) for level in levels)
    return text.getvalue()


def _level_row(level: ConcurrencyLevel) -> tuple[object, ...]:
    latency = level.latency_seconds
    return (
        level.connections, level.requests, level.successes, level.seconds, level.requests_per_second, latency.mean,
        latency.p50, latency.p95, latency.p99, level.cpu_seconds_per_request, level.cores_used.mean,
        level.memory.pss_bytes, level.memory.peak_bytes, level.driver_cores,
    )  # fmt: skip
