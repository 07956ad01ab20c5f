"""Runs a profile and leaves all its files behind, also where it failed or was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from plimsoll.errors import StartError
from plimsoll.profiling.gates.check import Gates, judged
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.result.files import read_profile, write_profile
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.run import profile
from plimsoll.reports.files import write_reports
from plimsoll.reports.variables import announce


def run_and_report(
    options: ProfileOptions,
    progress: Progress,
    environment: Mapping[str, str],
    stdout: TextIO,
    gates: Gates | None = None,
    amend: Callable[[Profile], Profile] | None = None,
) -> Profile:
    """`profile()`, then the reports and the variables of the pipeline around it; raises what `profile()` raises.

    What becomes of the gates is in the profile and its reports; nothing is raised for it. `amend` adds what other
    profiles say about this one.
    """
    before = _identity(options.output_dir)
    try:
        result = profile(options, progress)
    except (StartError, KeyboardInterrupt, SystemExit):
        # A file of an earlier run is not the answer of this one.
        if _identity(options.output_dir) not in (None, before):
            _report(read_profile(options.output_dir / "profile.json"), options, environment, stdout, gates)
        raise
    if amend is not None:
        result = amend(result)
        write_profile(result, options.output_dir)
    return _report(result, options, environment, stdout, gates)


def _report(
    result: Profile,
    options: ProfileOptions,
    environment: Mapping[str, str],
    stdout: TextIO,
    gates: Gates | None,
) -> Profile:
    result = write_judged(result, options.output_dir, gates)
    announce(result, options.output_dir, environment, stdout)
    return result


def write_judged(result: Profile, folder: Path, gates: Gates | None) -> Profile:
    """The profile once more, with what became of the gates, and its reports."""
    if gates is not None:
        result = judged(result, gates)
        write_profile(result, folder)
    write_reports(result, folder)
    return result


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = (folder / "profile.json").stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
