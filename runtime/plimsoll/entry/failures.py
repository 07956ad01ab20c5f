"""What is said about a failing script: one line for people, the user's own traceback for the log.

Frames of this package and of the event loop above the user's code are left out: they say nothing about
the script.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from types import TracebackType

from plimsoll.entry.forked import end_if_forked, forked
from plimsoll.errors import EntryError

_ASYNCIO = os.path.join(os.path.dirname(os.__file__), "asyncio")  # noqa: PTH120
_OWN_FRAMES = (os.path.dirname(__file__) + os.sep, _ASYNCIO + os.sep, "<frozen ")  # noqa: PTH120
_LISTING_LINES_MAX = 200


class BrokenScript(EntryError):
    """score.py cannot be loaded or its init() failed; `report` belongs into the log, never to a client."""

    def __init__(self, message: str, *, report: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.report = report


def remedy_for(failure: BaseException) -> str:
    """What to do about a failure that is not the script's own but that of the place it runs in; else nothing."""
    if isinstance(failure, MemoryError):
        return "out of memory: give the container more memory"
    if not isinstance(failure, OSError):
        return ""
    if failure.errno == errno.EROFS:
        return "the file system is read-only: write to /tmp, or mount a volume there"
    if failure.errno == errno.ENOSPC:
        return "there is no space left: mount a volume or a larger tmpfs there"
    if failure.errno in (errno.EACCES, errno.EPERM):
        return f"this is user {os.getuid()}, group {os.getgid()}: chmod -R a+rX what it reads, or run as a user who may"
    return ""


def one_line(failure: BaseException) -> str:
    """``ValueError: what it says``, safe for exceptions whose own text raises."""
    text = traceback.TracebackException(type(failure), failure, None)
    if isinstance(failure, SyntaxError):
        return f"{type(failure).__name__}: {failure}"
    return next(iter(text.format_exception_only())).strip().partition("\n")[0]


def user_traceback(failure: BaseException) -> str:
    frame = _first_user_frame(failure.__traceback__)
    return "".join(traceback.format_exception(type(failure), failure, frame))


def line_in(path: str, failure: BaseException) -> int | None:
    """The last line of the file at `path` that the failure came through."""
    numbers = [number for frame, number in traceback.walk_tb(failure.__traceback__) if frame.f_code.co_filename == path]
    return numbers[-1] if numbers else None


def log_failure(what: str, failure: BaseException) -> None:
    """Whatever the script's code raises for a call comes through here; in a process that it has forked, no further."""
    if not (forked() and isinstance(failure, SystemExit)):
        with suppress(Exception):
            log_line(f"{what}\n{user_traceback(failure).rstrip()}")
    end_if_forked(failure)


def log_line(text: str) -> None:
    """To stderr in one write, so that the lines of two threads do not mix; a broken stderr is ignored."""
    with suppress(Exception):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def model_listing(model_dir: str | None) -> str:
    """What lies in the model directory: the usual reason why init() fails."""
    if model_dir is None:
        return "AZUREML_MODEL_DIR is not set.\n"
    lines = list(islice(_walk(model_dir), _LISTING_LINES_MAX + 1))
    if not lines:
        return f"The model directory {model_dir} is empty or missing.\n"
    if len(lines) > _LISTING_LINES_MAX:
        lines[-1] = "..."
    return f"The model directory {model_dir} holds:\n" + "".join(f"  {line}\n" for line in lines)


def _walk(root: str) -> Iterator[str]:
    for folder, subfolders, files in os.walk(root):
        subfolders.sort()
        for name in subfolders:
            yield os.path.relpath(os.path.join(folder, name), root) + os.sep
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), root)


def _first_user_frame(frame: TracebackType | None) -> TracebackType | None:
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_OWN_FRAMES):
        frame = frame.tb_next
    return frame
