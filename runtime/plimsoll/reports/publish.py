"""Runs a profile and leaves all its files behind, also where it failed or was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from plimsoll.errors import StartError
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.result import Profile
from plimsoll.profiling.run import profile
from plimsoll.reports.files import write_reports
from plimsoll.reports.variables import announce


def run_and_report(
    options: ProfileOptions, progress: Progress, environment: Mapping[str, str], stdout: TextIO
) -> Profile:
    """`profile()`, then the reports and what the pipeline around is told; raises what `profile()` raises."""
    before = _identity(options.output_dir)
    try:
        result = profile(options, progress)
    except (StartError, KeyboardInterrupt, SystemExit):
        # A file of an earlier run is not the answer of this one.
        if _identity(options.output_dir) not in (None, before):
            _report(_written(options.output_dir), options, progress, environment, stdout)
        raise
    _report(result, options, progress, environment, stdout)
    return result


def _report(
    result: Profile, options: ProfileOptions, progress: Progress, environment: Mapping[str, str], stdout: TextIO
) -> None:
    for note in write_reports(result, options.output_dir):
        progress.note(note)
    announce(result, options.output_dir, environment, stdout)


def _written(folder: Path) -> Profile:
    return Profile.model_validate_json((folder / "profile.json").read_text(encoding="utf-8"))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = (folder / "profile.json").stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
