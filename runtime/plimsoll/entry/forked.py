"""What happens when a process that the script has forked comes back out of the script: it ends.

fork() in run() or init() copies the worker in the middle of a call. The copy must answer nobody: the call is its
parent's, and so is every call after it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_home_pid = 0


def settle() -> None:
    """From now on this process, and no copy of it, is the one that runs the script."""
    global _home_pid
    _home_pid = os.getpid()


def forked() -> bool:
    """Whether this is such a copy. The pid is asked for, since a fork() from C code calls no hook of Python's."""
    return _home_pid not in (0, os.getpid())


def end_if_forked(failure: BaseException | None = None) -> None:
    """To be called wherever the script's code returns or, with its `failure`, raises. Does not return in a copy."""
    if not forked():
        return
    code = _exit_code(failure)
    with suppress(BaseException):
        if not isinstance(failure, SystemExit):
            what = "returned from the script" if failure is None else f"left the script with {type(failure).__name__}"
            sys.stderr.write(
                f"pid {os.getpid()}, forked by the script from pid {_home_pid}, {what}: it ends, with exit code {code},"
                " and the request is answered by the process that forked it\n"
            )
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _exit_code(failure: BaseException | None) -> int:
    """What the interpreter would have made of it."""
    if failure is None:
        return 0
    if not isinstance(failure, SystemExit):
        return 1
    if failure.code is None or isinstance(failure.code, int):
        return (failure.code or 0) & 0xFF
    with suppress(BaseException):
        sys.stderr.write(f"{failure.code}\n")
    return 1
