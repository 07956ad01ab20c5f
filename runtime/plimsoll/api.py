"""Profiles from Python: `plimsoll.profile(...)` starts the command `plimsoll --profile` and answers at once.

A process of its own, so that a busy notebook does not disturb what is measured.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from plimsoll.errors import DatasetError, EntryError, InternalError, RowsFailed, StartError, UsageError
from plimsoll.host.parent import tie_to_parent
from plimsoll.profiling.result.files import read_profile
from plimsoll.profiling.result.profile import Profile, Recommendation
from plimsoll.settings.resolution import as_flags

DEFAULT_OUTPUT = "plimsoll-profile"
_POLL_S = 0.2
_ERROR = "plimsoll: error: "
_ERRORS: dict[int, type[StartError]] = {
    error.exit_code: error for error in (UsageError, DatasetError, EntryError, RowsFailed)
}
Setting = str | int | float | bool | os.PathLike[str] | None | Iterable[str]


def profile(
    entry_script: str | os.PathLike[str],
    dataset: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] = DEFAULT_OUTPUT,
    **settings: Setting,
) -> ProfileRun:
    """Starts a profile; `settings` are the flags of the command by name: `budget="quick"`, `arrivals="recorded"`.

    True and False are a yes-or-no setting, a list repeats its flag, None leaves it out. Wrong settings are found by the
    command: `wait_for_completion` then raises UsageError.
    """
    fixed = {"entry_script": os.fspath(entry_script), "profile": os.fspath(dataset), "output": os.fspath(output)}
    arguments = [part for name, value in (fixed | settings).items() for part in as_flags(name, value)]
    return ProfileRun(arguments, Path(output))


class ProfileRun:
    """A profile that runs or has run; ends when this process ends."""

    def __init__(self, arguments: list[str], output: Path) -> None:
        self._file = output / "profile.json"
        self._before = _identity(self._file)
        # Not in the output folder, which the command may refuse; lives as long as this object.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, self._log.close)
        self._shown_bytes = 0
        self._result: Profile | None = None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "plimsoll", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal reaches this process only, which then ends the run once.
            start_new_session=True,
            preexec_fn=tie_to_parent(signal.SIGTERM),
        )

    def wait_for_completion(self, show_output: bool = False) -> None:
        """Returns when the profile is written, whatever its state; Ctrl-C ends it and what was measured is kept.

        Raises UsageError, DatasetError or InternalError where there is no profile.
        """
        try:
            while self._process.poll() is None:
                self._show(show_output)
                time.sleep(_POLL_S)
        except BaseException:
            self.cancel()
            raise
        self._show(show_output)
        self._load()

    def cancel(self) -> None:
        """Ends the run; what was measured is written."""
        self._process.terminate()
        self._process.wait()

    def get_details(self) -> dict[str, Any]:
        """Azure's flat result; before the end only name and state."""
        if self._process.poll() is None:
            return {"state": "Running"}
        return self.result.get_details()

    @property
    def result(self) -> Profile:
        """Everything that is in `profile.json`; waits for the end."""
        if self._result is None:
            self.wait_for_completion()
        return self._load()

    @property
    def recommendation(self) -> Recommendation:
        """Cores, memory, rate and replicas with their reasons; waits for the end."""
        return self.result.recommendation

    def _load(self) -> Profile:
        if self._result is None:
            # A file of an earlier run is not the answer of this one.
            if _identity(self._file) in (None, self._before):
                raise self._error()
            self._result = read_profile(self._file)
        return self._result

    def _error(self) -> StartError:
        lines = self._output().decode("utf-8", "replace").strip().splitlines()
        message = next((line for line in reversed(lines) if line.startswith(_ERROR)), None)
        code = self._process.returncode
        if message is None:
            return InternalError(f"the profiler ended with code {code}: {lines[-1] if lines else 'no output'}")
        return _ERRORS.get(code, InternalError)(message.removeprefix(_ERROR))

    def _show(self, wanted: bool) -> None:
        if wanted:
            output = self._output()
            sys.stdout.write(output[self._shown_bytes :].decode("utf-8", "replace"))
            sys.stdout.flush()
            self._shown_bytes = len(output)

    def _output(self) -> bytes:
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
