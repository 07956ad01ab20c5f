"""Ties a process's life to its parent's: nothing Plimsoll starts is ever orphaned."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with(parent_pid: int) -> None:
    """Has the kernel kill this process when its parent ends, even while it hangs in C code."""
    _tie(_libc(), parent_pid, signal.SIGKILL)


def tie_to_parent(signal_number: signal.Signals) -> Callable[[], None]:
    """A function for a new child to call before it becomes another program, with the same effect.

    The C library is loaded here, in the parent: between fork and exec little else is safe.
    """
    libc, parent_pid = _libc(), os.getpid()
    return lambda: _tie(libc, parent_pid, signal_number)


def _tie(libc: ctypes.CDLL, parent_pid: int, signal_number: signal.Signals) -> None:
    libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before the kernel knew
        os._exit(1)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
