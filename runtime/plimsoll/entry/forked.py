"""What happens when a process that the script has forked comes back out of the script: it ends.

fork() in run() or init() copies the worker in the middle of a call. The copy must answer nobody: the call is its
parent's, and so is every call after it.
"""

from __future__ import annotations

import mmap
import os
import sys
from contextlib import suppress

_MADV_WIPEONFORK = 18


class _Home:
    """One byte that is 1 in the process that runs the script and 0 in every copy of it.

    The kernel wipes it, so that a fork() from C code, which calls no hook of Python's, is noticed too, without a
    system call at every answer. madvise(2)
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.byte = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):  # some sandboxes know no such advice: then there is the hook
            self.byte.madvise(_MADV_WIPEONFORK)
        self.byte[0] = 1
        os.register_at_fork(after_in_child=self._leave)

    def _leave(self) -> None:
        self.byte[0] = 0


_home: _Home | None = None


def settle() -> None:
    """From now on this process, and no copy of it, is the one that runs the script."""
    global _home
    _home = _Home()


def forked() -> bool:
    """Whether this process is a copy of the worker, made by a fork() in the script."""
    return _home is not None and not _home.byte[0]


def end_if_forked(failure: BaseException | None = None) -> None:
    """To be called wherever the script's code returns or, with its `failure`, raises. Does not return in a copy."""
    if _home is None or _home.byte[0]:
        return
    code = _exit_code(failure)
    with suppress(BaseException):
        if not isinstance(failure, SystemExit):
            what = "returned from the script" if failure is None else f"left the script with {type(failure).__name__}"
            sys.stderr.write(
                f"pid {os.getpid()}, forked by the script from pid {_home.pid}, {what}: it ends, with exit code {code},"
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
